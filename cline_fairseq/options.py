"""Options that programs share: the subword tokenizer, named as in fairseq, and shards."""

import argparse
from pathlib import Path

from .errors import InputError

SUPPORTED = ("sentencepiece", "gpt2")
MASK = "<mask>"
MADE_UP = "madeupword"  # symbols that fairseq fills dictionaries up with begin so
SPACE = "\u2581"  # SentencePiece's sign for it
MAX_LINE = 1 << 24  # bytes of a line of text
ALLOWED_UNKNOWN = 0.01  # share of a text's tokens that may be pieces that the dictionary lacks


def add_subwords_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Give a program the options of the tokenizer, named as in fairseq.

    Those that are not required are found by the program, see :mod:`~cline_fairseq.recorded`.
    """
    where = "" if required else " (default: as recorded, or beside the checkpoint or data)"
    parser.add_argument(
        "--bpe", choices=SUPPORTED, required=required, help=f"subword tokenizer{where}"
    )
    parser.add_argument("--sentencepiece-model", help="the model of --bpe sentencepiece")
    parser.add_argument("--gpt2-encoder-json", help="encoder.json of --bpe gpt2")
    parser.add_argument("--gpt2-vocab-bpe", help="vocab.bpe of --bpe gpt2")


def tokenizer_of(bpe: str | None, **files: str | Path | None) -> argparse.Namespace:
    """The options of :func:`add_subwords_options`, from arguments of a function.

    Args:
        bpe: name of the tokenizer; None if it was not given.
        files: by the names of fairseq's options; None is none.

    Raises:
        InputError: if there is no such option.
    """
    names = ("sentencepiece_model", "gpt2_encoder_json", "gpt2_vocab_bpe")
    unknown = files.keys() - set(names)
    if unknown:
        raise InputError(f"no files of a tokenizer are named {', '.join(sorted(unknown))}")
    given = {name: None if path is None else str(path) for name, path in files.items()}
    return argparse.Namespace(bpe=bpe, **{**dict.fromkeys(names), **given})


def subwords_options(args: argparse.Namespace) -> dict[str, str | None]:
    """The options of :func:`add_subwords_options` alone, by name."""
    names = ("bpe", "sentencepiece_model", "gpt2_encoder_json", "gpt2_vocab_bpe")
    return {name: getattr(args, name) for name in names}


def subwords_config(args: argparse.Namespace) -> dict:
    """fairseq's configuration of ``--bpe``, of these options.

    Raises:
        InputError: if a file is not named.
    """
    names = {
        "sentencepiece": ["sentencepiece_model"],
        "gpt2": ["gpt2_encoder_json", "gpt2_vocab_bpe"],
    }
    options = {name: getattr(args, name) for name in names[args.bpe]}
    for name, value in options.items():
        if value is None:
            raise InputError(f"--bpe {args.bpe} needs --{name.replace('_', '-')} FILE")
    if args.bpe == "sentencepiece":
        options |= {"sentencepiece_enable_sampling": False, "sentencepiece_alpha": None}
    return {"_name": args.bpe, **options}


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
