"""Options that several programs share, and what they require before the work."""

import argparse
from pathlib import Path
from typing import Any

from ..atomic_io import require_file, require_folder_of, require_new_folder
from ..checkpoint_files import checkpoint_file
from ..dictionary import ALLOWED_UNKNOWN
from ..errors import InputError, MissingFileError
from ..evaluation.labelled_text import QUOTINGS
from ..preprocessing.reading import MAX_LINE
from ..tokenizer import SUPPORTED, TokenizerFiles


def program_parser(module: str, description: str, **options: Any) -> argparse.ArgumentParser:
    """The parser of a program.

    Args:
        module: the program's, ``__name__``.
        description: the module's docstring, shown by --help as it is.
        options: further options of :class:`argparse.ArgumentParser`.
    """
    return argparse.ArgumentParser(
        prog=f"cline-fairseq {module.rpartition('.')[2].replace('_', '-')}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def add_tokenizer_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Give a program the options of the tokenizer, named as in fairseq.

    If they are not required, the program finds what is missing; see
    :mod:`~cline_fairseq.checkpoint_files`.
    """
    where = "" if required else " (default: as recorded, or beside the checkpoint or data)"
    parser.add_argument(
        "--bpe", choices=SUPPORTED, required=required, help=f"subword tokenizer{where}"
    )
    parser.add_argument("--sentencepiece-model", help="the model of --bpe sentencepiece")
    parser.add_argument("--gpt2-encoder-json", help="encoder.json of --bpe gpt2")
    parser.add_argument("--gpt2-vocab-bpe", help="vocab.bpe of --bpe gpt2")


def add_allow_unknown_option(parser: argparse.ArgumentParser) -> None:
    """Give a program that encodes text the limit of :func:`.dictionary.require_known`."""
    parser.add_argument(
        "--allow-unknown",
        type=parse_share,
        default=ALLOWED_UNKNOWN,
        metavar="SHARE",
        help="fraction of the text's tokens that may be pieces of the tokenizer which the "
        "dictionary lacks, so that they become <unk> (default: %(default)s); letters that the "
        "tokenizer does not know do not count",
    )


def add_max_line_option(parser: argparse.ArgumentParser) -> None:
    """Give a program that reads text the limit of a line."""
    parser.add_argument(
        "--max-line-bytes",
        type=parse_count,
        default=MAX_LINE,
        metavar="BYTES",
        help="longest line of the text; a longer one ends the run, before it takes all memory "
        "(default: %(default)s)",
    )


def parse_share(text: str) -> float:
    """A number from 0 to 1, an option's type."""
    try:
        share = float(text)
        if not 0 <= share <= 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a fraction from 0 to 1, not {text!r}") from None
    return share


def parse_count(text: str) -> int:
    """A whole number from 1 on, an option's type."""
    try:
        count = int(text)
        if count < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, not {text!r}") from None
    return count


def parse_shard(text: str) -> tuple[int, int]:
    """``i/n`` with 0 <= i < n, an option's type."""
    try:
        part, parts = map(int, text.split("/"))
        if not 0 <= part < parts:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected I/N, with shards numbered from 0 to N - 1 (for example 0/4), not {text!r}"
        ) from None
    return part, parts


def parse_named_path(text: str) -> tuple[str, Path]:
    """``NAME=PATH``, or a path, which is its own name; an option's type."""
    name, found, path = text.partition("=")
    if not found or Path(text).exists():  # names of folders may have such signs
        return text, Path(text)
    if not name or not path:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, not {text!r}")
    return name, Path(path)


def add_recorded_options(parser: argparse.ArgumentParser, data: str) -> None:
    """Give a program the files that a checkpoint records, for those that have moved.

    Args:
        parser: or a group of it.
        data: help.
    """
    parser.add_argument("--data", type=Path, help=f"{data} (default: as the checkpoint records)")
    add_tokenizer_options(parser, required=False)


def add_checkpoints_options(parser: argparse.ArgumentParser, checkpoint: str, data: str) -> None:
    """Give a program several checkpoints, as (name, path), and the files that they record.

    Args:
        parser: or a group of it.
        checkpoint: help.
        data: help.
    """
    parser.add_argument(
        "--checkpoint",
        type=parse_named_path,
        action="append",
        required=True,
        metavar="NAME=PATH",
        help=f"{checkpoint}, a .pt file or the folder of one; repeat for more models",
    )
    add_recorded_options(parser, data)


def add_examples_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options of :func:`~.labelled_text.read_examples`."""
    parser.add_argument("--quoting", choices=list(QUOTINGS), default="csv", help="of TSV files")
    parser.add_argument("--text-column", default="text", help="text without")
    parser.add_argument("--text2-column", help="the second text, where examples are pairs")
    parser.add_argument("--label-column", default="label", help="label without")
    parser.add_argument(
        "--labels",
        type=_labels,
        metavar="FILE=MODEL,...",
        help="classes of the model for the labels of the files, as Negative=0,Positive=1",
    )


def require_ready(
    checkpoints: list[tuple[str, Path]], outputs: list[Path | None], **at_least_one: int | None
) -> None:
    """Find what would fail after long work.

    Args:
        checkpoints: names and paths.
        outputs: files to write; None is none.
        at_least_one: numbers by the names of their options; None is none.

    Raises:
        MissingFileError: if a checkpoint or the folder of an output is missing.
        InputError: if two checkpoints have the same name, or a number is too small.
    """
    names = [name for name, _ in checkpoints]
    if len(set(names)) < len(names):
        raise InputError(f"give each --checkpoint a name of its own, not {', '.join(names)}")
    for name, value in at_least_one.items():
        if value is not None and value < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {value}")
    for _, path in checkpoints:
        checkpoint_file(path)
    for path in outputs:
        require_folder_of(path)


def require_files(args: argparse.Namespace) -> None:
    """Make sure that what ``--data`` and the options of the tokenizer name is there.

    Programs call this before they import torch, which takes seconds.

    Raises:
        MissingFileError: if it is not.
    """
    if args.data is not None and not args.data.is_dir():
        raise MissingFileError(
            f"no folder {args.data}: give the one with the dictionary of the checkpoint (--data)"
        )
    for name, path in TokenizerFiles.of(args).given().items():
        if name != "bpe":
            option = f"--{name.replace('_', '-')}"
            require_file(Path(path), f"give the one that the corpus was encoded with ({option})")


def _labels(text):
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and sign and label.strip() for name, sign, label in pairs):
        raise argparse.ArgumentTypeError(f"expected as Negative=0,Positive=1, not {text!r}")
    return {name.strip(): label.strip() for name, _, label in pairs}


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Give a program a checkpoint to read and a folder to make."""
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        help="CLINE, RoBERTa or a classifier: a .pt file or the folder of one",
    )
    add_recorded_options(parser, "folder with its dictionary")
    parser.add_argument("--dest", type=Path, required=True, help="folder to make")


def load_from_options(args: argparse.Namespace):
    """The model that the options name, a :class:`~cline_fairseq.checkpoint.LoadedModel`.

    Raises:
        InputError: as :func:`~cline_fairseq.checkpoint.load_model`, or if there is
            something at ``--dest``.
    """
    checkpoint_file(args.checkpoint)
    require_files(args)
    require_new_folder(args.dest)
    from ..checkpoint import load_model  # takes seconds, --help does not

    return load_model(args.checkpoint, args.data, TokenizerFiles.of(args))
