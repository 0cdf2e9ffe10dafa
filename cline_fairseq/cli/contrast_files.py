"""Options of contrast sets in files, and how they are read."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from ..evaluation.contrast import ContrastSet, count_moving, group_by_id, pair_files
from ..evaluation.labelled_text import Columns, Row, examples_of
from ..evaluation.published_sets import PUBLISHED, read_files, without_line_breaks
from ..evaluation.wide_rows import WideColumns, wide_sets, without_label
from .options import add_examples_options

_LAYOUTS = (("paired",), ("originals", "contrasts"), ("wide",))


class FoundSets(NamedTuple):
    """Contrast sets, and numbers of rows that were left out, keyed by the reason."""

    sets: list[ContrastSet]
    left_out: dict[str, int]


def add_files_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the files and their layout."""
    files = parser.add_argument_group("files")
    files.add_argument(
        "--set",
        choices=list(PUBLISHED),
        metavar="NAME",
        help=f"a published set: {', '.join(PUBLISHED)}; its files decide the defaults of the "
        "options below, and --set-dir says where they are",
    )
    files.add_argument(
        "--set-dir",
        type=Path,
        metavar="DIR",
        help="copy of the repository that publishes --set, or the folder with its files",
    )
    files.add_argument(
        "--split",
        default="test",
        metavar="NAME",
        help="part of --set, if it has several (default: %(default)s)",
    )
    files.add_argument(
        "--paired", type=Path, metavar="FILE", help="one file with originals and contrasts"
    )
    files.add_argument(
        "--originals", type=Path, metavar="FILE", help="a file with originals (with --contrasts)"
    )
    files.add_argument(
        "--contrasts", type=Path, metavar="FILE", help="a file with contrasts in the same order"
    )
    files.add_argument(
        "--contrasts-per-original",
        type=int,
        default=1,
        metavar="N",
        help="number of consecutive rows of --contrasts for each original (default: %(default)s)",
    )
    files.add_argument(
        "--wide",
        type=Path,
        metavar="FILE",
        help="one file with an original and a contrast in each row",
    )


def add_columns_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the columns."""
    columns = parser.add_argument_group("columns")
    add_examples_options(columns)
    for kind in ("original", "contrast"):
        for name, what in (
            ("text", "the text"),
            ("text2", "the second text"),
            ("label", "the label"),
        ):
            columns.add_argument(
                f"--{kind}-{name}-column",
                metavar="NAME",
                help=f"column of --wide with {what} of the {kind} (default: the one of "
                f"--{name}-column)",
            )
    columns.add_argument(
        "--skip-label",
        metavar="LABEL",
        help="leave out rows of --wide whose original or contrast has this label in the file",
    )
    columns.add_argument(
        "--replace-breaks",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="replace <br /> in texts by a space",
    )
    columns.add_argument(
        "--group-column", metavar="NAME", help="also count by this column, e.g. the kind of edit"
    )
    columns.add_argument(
        "--pair-column",
        metavar="NAME",
        help="column with the id of the set; with two files, it is compared between them; rows of "
        "--wide with the same id have the same original",
    )
    columns.add_argument(
        "--role-column",
        metavar="NAME",
        help="column of --paired that tells originals from contrasts (default: the first row of a "
        "set is its original)",
    )
    columns.add_argument(
        "--original-role",
        default="original",
        metavar="VALUE",
        help="value of --role-column for originals (default: %(default)s)",
    )


def parse_files(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options of a program; those of a published set are the defaults of the others."""
    args = parser.parse_args(argv)
    given = [name for layout in _LAYOUTS for name in layout if getattr(args, name)]
    if args.set:
        if given or not args.set_dir:
            parser.error("--set needs --set-dir, and takes no other files")
        parser.set_defaults(**PUBLISHED[args.set].options)
        return parser.parse_args(argv)
    if args.set_dir:
        parser.error("--set-dir needs --set")
    if tuple(given) not in _LAYOUTS:
        parser.error("pass --set, --paired, --originals with --contrasts, or --wide")
    if args.paired and not args.pair_column:
        parser.error("--paired needs --pair-column")
    return args


def read_sets(args: argparse.Namespace) -> FoundSets:
    """Read the contrast sets that the options name.

    Raises:
        InputError: if the files do not hold contrast sets, or have no groups to count by.
    """
    if args.set:
        published = PUBLISHED[args.set]
        paths, read = published.paths(args.set_dir, args.split), published.read
    else:
        names = [name for layout in _LAYOUTS for name in layout]
        paths = {name: getattr(args, name) for name in names if getattr(args, name)}
        read = read_files
    files, left_out = read(list(paths.values()), args.quoting)
    if args.replace_breaks:
        files = [without_line_breaks(rows) for rows in files]
    if "wide" in paths:
        sets, skipped = _wide(files[0], paths["wide"], args)
        left_out |= skipped
    else:
        sets = _long(files, paths, args)
    if args.group_column and all(one.group is None for one in sets):
        raise InputError(
            f"{list(paths.values())[-1]} has no column {args.group_column!r}: specify with "
            "--group-column which column it is"
        )
    return FoundSets(sets, left_out)


def describe_left_out(left_out: dict[str, int]) -> str:
    """Say what was left out, in lines of text."""
    return "".join(f"left out: {count:,} {reason}\n" for reason, count in left_out.items())


def _columns(args):
    return Columns(
        args.text_column,
        args.label_column,
        args.text2_column,
        args.group_column,
        args.pair_column,
    )


def _wide(
    rows: list[Row], path: Path, args: argparse.Namespace
) -> tuple[list[ContrastSet], dict[str, int]]:
    columns = WideColumns(*(_side(args, kind) for kind in WideColumns._fields))
    left_out = {}
    if args.skip_label is not None:
        rows, skipped = without_label(rows, columns, args.skip_label)
        left_out = {f"rows with the label {args.skip_label}": len(skipped)} if skipped else {}
    return wide_sets(rows, path, columns, args.labels), left_out


def _side(args, kind):
    given = {name: getattr(args, f"{kind}_{name}_column") for name in ("text", "text2", "label")}
    return replace(_columns(args), **{name: value for name, value in given.items() if value})


def _long(files, paths, args) -> list[ContrastSet]:
    columns = _columns(args)
    if "paired" in paths:
        columns = replace(columns, role=args.role_column)
    examples = [
        examples_of(rows, path, columns, args.labels)
        for rows, path in zip(files, paths.values(), strict=True)
    ]
    if "paired" in paths:
        return group_by_id(examples[0], args.original_role if args.role_column else None)
    originals, contrasts = examples
    sets = pair_files(originals, contrasts, args.contrasts_per_original)
    moving = count_moving(sets)
    if not args.set and not args.pair_column and moving < len(contrasts):
        print(
            f"{moving:,} of {len(contrasts):,} contrasts have another label than their "
            "originals: make sure that the files have the same order",
            file=sys.stderr,
        )
    return sets
