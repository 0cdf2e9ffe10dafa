"""Print the folder of the package, for fairseq's --user-dir.

Training with an installed package starts with:

    fairseq-train data-bin --user-dir "$(cline-fairseq user-dir)" --task cline ...
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .options import program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    return program_parser(__name__, __doc__).parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    _parse_args(argv)
    print(Path(__file__).resolve().parent.parent)
