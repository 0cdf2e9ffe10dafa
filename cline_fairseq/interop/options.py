"""Options that programs of export share."""

import argparse
from pathlib import Path

from ..evaluation.options import add_recorded_options, require_files
from ..files import require_new_folder
from ..recorded import checkpoint_file


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
    """The model that the options name, a :class:`~cline_fairseq.evaluation.loading.LoadedModel`.

    Raises:
        InputError: as :func:`~cline_fairseq.evaluation.loading.load_model`, or if there is
            something at ``--dest``.
    """
    checkpoint_file(args.checkpoint)
    require_files(args)
    require_new_folder(args.dest)
    from ..evaluation.loading import load_model  # takes seconds, --help does not

    return load_model(args.checkpoint, args.data, args)
