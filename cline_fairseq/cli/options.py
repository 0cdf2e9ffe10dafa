"""Options that several programs share, and checks of them before the work begins."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..atomic_io import require_file, require_folder_of, require_new_folder
from ..checkpoint_files import checkpoint_file
from ..dictionary import ALLOWED_UNKNOWN
from ..errors import InputError, MissingFileError
from ..evaluation.labelled_text import QUOTINGS
from ..preprocessing.corpus_files import TEXT_FIELD, corpus_files, has_rows
from ..preprocessing.reading import MAX_LINE
from ..tokenizer import SUPPORTED, TokenizerFiles

if TYPE_CHECKING:
    from ..checkpoint import LoadedModel  # imports torch, which takes seconds


class Options(Protocol):
    """A parser, or a group of its options."""

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action: ...


def program_parser(module: str, description: str | None, **options: Any) -> argparse.ArgumentParser:
    """Create the parser of a program.

    Args:
        module: ``__name__`` of the program's module.
        description: the module's docstring, which --help shows as it is.
        options: further options of :class:`argparse.ArgumentParser`.
    """
    return argparse.ArgumentParser(
        prog=f"cline-fairseq {module.rpartition('.')[2].replace('_', '-')}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )


def add_tokenizer_options(parser: Options, required: bool = True) -> None:
    """Add the options of the tokenizer, which have fairseq's names.

    Args:
        parser: where to add them.
        required: whether --bpe is required. If it is not, the program looks for the tokenizer
            itself; see :mod:`~cline_fairseq.checkpoint_files`.
    """
    where = "" if required else " (default: as recorded, or next to the checkpoint or the data)"
    parser.add_argument(
        "--bpe", choices=SUPPORTED, required=required, help=f"subword tokenizer{where}"
    )
    parser.add_argument(
        "--sentencepiece-model", metavar="FILE", help="model file for --bpe sentencepiece"
    )
    parser.add_argument("--gpt2-encoder-json", metavar="FILE", help="encoder.json for --bpe gpt2")
    parser.add_argument("--gpt2-vocab-bpe", metavar="FILE", help="vocab.bpe for --bpe gpt2")
    parser.add_argument("--bpe-vocab-file", metavar="FILE", help="vocab.txt for --bpe bert")
    parser.add_argument(
        "--bpe-cased",
        action="store_const",
        const=True,
        help="with --bpe bert, keep capitals and accents (default: if the vocabulary has capitals)",
    )


def add_allow_unknown_option(parser: Options) -> None:
    """Add the limit of :func:`.dictionary.require_known`, for programs that encode text."""
    parser.add_argument(
        "--allow-unknown",
        type=parse_fraction,
        default=ALLOWED_UNKNOWN,
        metavar="FRACTION",
        help="fraction of the tokens that may become <unk> because the dictionary lacks a piece of "
        "the tokenizer; characters that the tokenizer does not know do not count "
        "(default: %(default)s)",
    )


def add_max_line_option(parser: Options) -> None:
    """Add the limit on the length of a line, for programs that read text."""
    parser.add_argument(
        "--max-line-bytes",
        type=parse_count,
        default=MAX_LINE,
        metavar="BYTES",
        help="stop at a line longer than this, which could use up all memory "
        "(default: %(default)s)",
    )


def add_corpus_options(parser: Options, split: str = "train", required: bool = True) -> None:
    """Add --input, and the options that say how to read it.

    Args:
        parser: where to add them.
        split: the default of --input-split, for the help text.
        required: whether --input is required; otherwise it is standard input by default.
    """
    parser.add_argument(
        "--input",
        type=Path,
        nargs="+",
        required=required,
        metavar="PATH",
        help="files of text or JSON lines, plain or as .gz, .xz or .zst, of Parquet or Arrow, or "
        "folders of Hugging Face data sets" + ("" if required else " (default: standard input)"),
    )
    parser.add_argument(
        "--input-split",
        metavar="NAME",
        help=f"the split to read of data sets in folders (default: {split})",
    )
    parser.add_argument(
        "--text-field",
        metavar="NAME",
        help="field or column with the text, in JSON lines, Parquet and Arrow "
        f"(default: {TEXT_FIELD})",
    )
    add_max_line_option(parser)


def inputs_of(args: argparse.Namespace, split: str = "train") -> tuple[list[Path], str]:
    """Find the files that the options of :func:`add_corpus_options` name.

    Args:
        args: the options of the program.
        split: the default of --input-split.

    Returns:
        the files, none for standard input; and the field with the text.

    Raises:
        MissingFileError: if a file is missing.
        InputError: if an option does not fit the files.
    """
    inputs = args.input or []
    files = corpus_files(inputs, args.input_split or split)
    if args.input_split and not any(path.is_dir() for path in inputs):
        raise InputError(
            f"--input-split {args.input_split} chooses among the splits of a folder, and --input "
            "has none: leave it out"
        )
    if args.text_field is not None and not any(map(has_rows, files)):
        raise InputError(
            f"--text-field {args.text_field} needs a file with fields, and the input is plain text "
            "according to its name: leave the option out, or rename JSON lines to .jsonl"
        )
    return files, TEXT_FIELD if args.text_field is None else args.text_field


def add_resamples_option(parser: Options) -> None:
    """Add --resamples, for programs with bootstrap intervals."""
    parser.add_argument(
        "--resamples",
        type=int,
        default=10_000,
        metavar="N",
        help="number of bootstrap resamples for the confidence intervals (default: %(default)s)",
    )


def add_bootstrap_options(parser: Options, also: str = "") -> None:
    """Add --resamples and --seed.

    Args:
        parser: where to add them.
        also: what the seed determines besides the bootstrap, e.g. "the sample of examples".
    """
    add_resamples_option(parser)
    more = f", {also}" if also else ""
    add_seed_option(parser, f"random seed of the bootstrap{more}")


def add_seed_option(parser: Options, meaning: str = "random seed") -> None:
    """Add --seed.

    Args:
        parser: where to add it.
        meaning: what the seed determines, for the help text.
    """
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help=f"{meaning} (default: %(default)s)"
    )


def add_json_option(parser: Options, what: str = "all figures") -> None:
    """Add --json, a file to write.

    Args:
        parser: where to add it.
        what: what the program writes, for the help text.
    """
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"write {what} to this JSON file")


def parse_fraction(text: str) -> float:
    """Parse a number from 0 to 1, as the type of an option."""
    try:
        fraction = float(text)
        if not 0 <= fraction <= 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a fraction from 0 to 1, not {text!r}") from None
    return fraction


def parse_count(text: str) -> int:
    """Parse a whole number that is at least 1, as the type of an option."""
    try:
        count = int(text)
        if count < 1:
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a whole number that is at least 1, not {text!r}"
        ) from None
    return count


def parse_shard(text: str) -> tuple[int, int]:
    """Parse ``i/n`` with 0 <= i < n, as the type of an option."""
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
    """Parse ``NAME=PATH``, as the type of an option; a path alone is its own name.

    Raises:
        ArgumentTypeError: if the name or the path is empty.
    """
    name, found, path = text.partition("=")
    if not found or Path(text).exists():  # a path may contain an equals sign
        return text, Path(text)
    if not name or not path:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, not {text!r}")
    return name, Path(path)


def add_recorded_options(parser: Options, data: str) -> None:
    """Add options for the files that a checkpoint records, in case they have moved.

    Args:
        parser: where to add them.
        data: what --data is, for the help text.
    """
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help=f"{data} (default: as the checkpoint records)"
    )
    add_tokenizer_options(parser, required=False)


def add_checkpoints_options(parser: Options, checkpoint: str, data: str) -> None:
    """Add options for several named checkpoints and the files that they record.

    Args:
        parser: where to add them.
        checkpoint: what a checkpoint is, for the help text.
        data: what --data is, for the help text.
    """
    parser.add_argument(
        "--checkpoint",
        type=parse_named_path,
        action="append",
        required=True,
        metavar="NAME=PATH",
        help=f"{checkpoint}, a .pt file or its folder; repeat for more models",
    )
    add_recorded_options(parser, data)


def add_quoting_option(parser: Options, files: str) -> None:
    """Add --quoting.

    Args:
        parser: where to add it.
        files: the files that it is about, for the help text.
    """
    parser.add_argument(
        "--quoting",
        choices=list(QUOTINGS),
        default="csv",
        help=f"how fields in {files} are quoted; none: quotation marks are ordinary characters "
        "(default: %(default)s)",
    )


def add_named_columns_options(parser: Options) -> None:
    """Add the options that name the columns of labelled texts."""
    parser.add_argument(
        "--text-column",
        default="text",
        metavar="NAME",
        help="column with the text (default: %(default)s)",
    )
    parser.add_argument(
        "--text2-column", metavar="NAME", help="column with the second text, if examples are pairs"
    )
    parser.add_argument(
        "--label-column",
        default="label",
        metavar="NAME",
        help="column with the label (default: %(default)s)",
    )


def add_examples_options(parser: Options) -> None:
    """Add the options of :func:`~.labelled_text.read_examples`."""
    add_quoting_option(parser, "TSV files")
    add_named_columns_options(parser)
    parser.add_argument(
        "--labels",
        type=parse_labels,
        metavar="FILE=MODEL,...",
        help="labels in the files and the model's labels for them, e.g. Negative=0,Positive=1 "
        "(default: they are the same)",
    )


def require_ready(
    checkpoints: Sequence[tuple[str, Path]],
    outputs: Sequence[Path | None],
    **at_least_one: int | None,
) -> None:
    """Find errors that would otherwise show up after long work.

    Args:
        checkpoints: names and paths.
        outputs: files to write; None is ignored.
        at_least_one: numbers that must be at least 1, keyed by the names of their options; None
            is ignored.

    Raises:
        MissingFileError: if a checkpoint, or the folder of an output, is missing.
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
    for output in outputs:
        require_folder_of(output)


def require_files(args: argparse.Namespace) -> None:
    """Require that --data and the files of the tokenizer exist, if they are specified.

    Programs call this before they import torch, which takes seconds.

    Raises:
        MissingFileError: if one of them is missing.
    """
    if args.data is not None and not args.data.is_dir():
        raise MissingFileError(
            f"no folder {args.data}: pass the one with the dictionary of the checkpoint (--data)"
        )
    for name, path in TokenizerFiles.of(args).given().items():
        if name not in ("bpe", "bpe_cased"):
            option = f"--{name.replace('_', '-')}"
            require_file(Path(path), f"pass the one that the corpus was encoded with ({option})")


def parse_labels(text: str) -> Mapping[str, str]:
    """Parse ``OLD=NEW,...``, as the type of an option."""
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and sign and label.strip() for name, sign, label in pairs):
        raise argparse.ArgumentTypeError(
            f"expected OLD=NEW,... (for example Negative=0,Positive=1), not {text!r}"
        )
    return {name.strip(): label.strip() for name, _, label in pairs}


def add_export_options(parser: Options) -> None:
    """Add the options of a program that reads a checkpoint and creates a folder."""
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="PATH",
        help="a CLINE or RoBERTa model, or a classifier: a .pt file or its folder",
    )
    add_recorded_options(parser, "folder with the checkpoint's dictionary")
    parser.add_argument("--dest", type=Path, required=True, metavar="DIR", help="folder to create")


def load_from_options(args: argparse.Namespace) -> "LoadedModel":
    """Load the model that the options name.

    Args:
        args: the options of :func:`add_export_options`.

    Raises:
        InputError: as :func:`~cline_fairseq.checkpoint.load_model`, or if --dest exists.
    """
    checkpoint_file(args.checkpoint)
    require_files(args)
    require_new_folder(args.dest)
    from ..checkpoint import load_model  # imports torch, which takes seconds

    return load_model(args.checkpoint, args.data, TokenizerFiles.of(args))
