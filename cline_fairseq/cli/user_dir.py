"""Print the folder of the package, for fairseq's --user-dir.

fairseq-train data-bin --user-dir "$(cline-fairseq user-dir)" --task cline ...
"""

from collections.abc import Sequence
from pathlib import Path

from .options import program_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    program_parser(__name__, __doc__).parse_args(argv)
    print(Path(__file__).resolve().parent.parent)
