"""Options that several benchmarks share."""

from pathlib import Path

from cline_fairseq.atomic_io import require_file
from cline_fairseq.cli.options import Options


def add_data_options(parser: Options) -> None:
    """Add --data and --split, for benchmarks that read a binarized corpus."""
    parser.add_argument("--data", required=True, help="folder that fairseq-preprocess wrote")
    parser.add_argument(
        "--split",
        default="train",
        metavar="NAME",
        help="split of the corpus (default: %(default)s)",
    )


def require_data(args) -> None:
    """Require the folder of --data.

    Raises:
        MissingFileError: if it has no dictionary.
    """
    require_file(Path(args.data, "dict.txt"), "pass the folder of fairseq-preprocess (--data)")


def add_rewriting_options(parser: Options) -> None:
    """Add --block and --match-edits, for benchmarks that rewrite blocks."""
    parser.add_argument(
        "--block",
        type=int,
        default=512,
        metavar="N",
        help="number of tokens in a block (default: %(default)s)",
    )
    parser.add_argument(
        "--match-edits",
        action="store_true",
        help="make the same number of replacements in both views",
    )
