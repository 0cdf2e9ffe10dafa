"""Options that programs of export share."""

import argparse
from pathlib import Path

from ..evaluation.options import require_files
from ..files import require_checkpoint, require_new_folder
from ..options import add_subwords_options


def add_export_options(parser: argparse.ArgumentParser) -> None:
    """Give a program a checkpoint to read and a folder to make."""
    parser.add_argument(
        "--checkpoint", type=Path, required=True, help="of CLINE or RoBERTa, or a classifier"
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with its dictionary, as in training"
    )
    add_subwords_options(parser)
    parser.add_argument("--dest", type=Path, required=True, help="folder to make")


def load_from_options(args: argparse.Namespace):
    """The model that the options name, a :class:`~cline_fairseq.evaluation.loading.LoadedModel`.

    Raises:
        InputError: as :func:`~cline_fairseq.evaluation.loading.load_model`, or if there is
            something at ``--dest``.
    """
    require_checkpoint(args.checkpoint)
    require_files(args)
    require_new_folder(args.dest)
    from ..evaluation.loading import load_model  # takes seconds, --help does not

    return load_model(args.checkpoint, args.data, args)
