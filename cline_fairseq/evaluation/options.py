"""Options that programs of evaluation share."""

import argparse
from pathlib import Path

from ..errors import InputError, MissingFileError
from ..files import require_file, require_folder_of
from ..options import add_subwords_options, parse_named_path, subwords_options
from ..recorded import checkpoint_file
from .examples import QUOTINGS


def add_recorded_options(parser: argparse.ArgumentParser, data: str) -> None:
    """Give a program the files that a checkpoint records, for those that have moved.

    Args:
        parser: or a group of it.
        data: help.
    """
    parser.add_argument("--data", type=Path, help=f"{data} (default: as the checkpoint records)")
    add_subwords_options(parser, required=False)


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
    """Give a program the options of :func:`~.examples.read_examples`."""
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
    for name, path in subwords_options(args).items():
        if name != "bpe" and path is not None:
            option = f"--{name.replace('_', '-')}"
            require_file(Path(path), f"give the one that the corpus was encoded with ({option})")


def _labels(text):
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and sign and label.strip() for name, sign, label in pairs):
        raise argparse.ArgumentTypeError(f"expected as Negative=0,Positive=1, not {text!r}")
    return {name.strip(): label.strip() for name, _, label in pairs}
