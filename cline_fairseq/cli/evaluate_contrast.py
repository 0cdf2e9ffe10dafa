"""Evaluate classifiers on contrast sets: accuracy on originals and contrasts, and consistency.

A set is an original text and one or more contrasts: small edits, most of which change the label.
A model is consistent on a set if all its predictions there are right (Gardner et al. 2020,
https://arxiv.org/abs/2004.02709). From one file whose rows name their set, the original first:

    cline-fairseq evaluate-contrast --checkpoint cline=runs/cline/seed1/checkpoint_best.pt \\
        --paired test_paired.tsv --pair-column batch_id --text-column Text \\
        --label-column Sentiment --labels Negative=0,Positive=1

From two files in the same order, with pairs of texts, for two checkpoints side by side:

    cline-fairseq evaluate-contrast --checkpoint cline=cline.pt --checkpoint mlm=mlm.pt \\
        --originals original.jsonl --contrasts revised.jsonl --text-column premise \\
        --text2-column hypothesis --json contrast.json --unmoved unmoved.tsv

Files are TSV with a header, or JSON lines (.jsonl, .ndjson, .json). Figures are percentages with
95 % bootstrap intervals over the sets. "Unmoved" counts contrasts whose label differs from the
original's while the prediction does not. All checkpoints must predict the same labels.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.contrast import (
    ContrastSet,
    all_examples,
    count_moving,
    group_by_id,
    pair_files,
)
from ..evaluation.contrast_report import (
    ContrastReport,
    contrast_tables,
    make_contrast_report,
    write_unmoved,
)
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import Columns, read_examples, require_labels
from ..evaluation.truncation import count_truncated
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .options import (
    add_bootstrap_options,
    add_checkpoints_options,
    add_examples_options,
    add_json_option,
    program_parser,
    require_files,
    require_ready,
)

if TYPE_CHECKING:
    from ..inference import Predictor  # imports torch, which takes seconds


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_checkpoints_options(parser, "a fine-tuned classifier", "folder with its binarized task")
    files = parser.add_argument_group("files")
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
    columns = parser.add_argument_group("columns")
    add_examples_options(columns)
    columns.add_argument(
        "--group-column", metavar="NAME", help="also count by this column, e.g. the kind of edit"
    )
    columns.add_argument(
        "--pair-column",
        metavar="NAME",
        help="column with the id of the set; with two files, it is compared between them",
    )
    columns.add_argument(
        "--role-column",
        metavar="NAME",
        help="column that tells originals from contrasts (default: the first row of a set is its "
        "original)",
    )
    columns.add_argument(
        "--original-role",
        default="original",
        metavar="VALUE",
        help="value of --role-column for originals (default: %(default)s)",
    )
    add_bootstrap_options(parser)
    add_json_option(parser)
    parser.add_argument(
        "--unmoved", type=Path, metavar="FILE", help="write unmoved contrasts to this TSV file"
    )
    args = parser.parse_args(argv)
    if (args.paired is None) == (args.originals is None) or (args.originals is None) != (
        args.contrasts is None
    ):
        parser.error("pass either --paired, or --originals with --contrasts")
    if args.paired and not args.pair_column:
        parser.error("--paired needs --pair-column")
    return args


def read_sets(args: argparse.Namespace) -> list[ContrastSet]:
    """Read the contrast sets that the options name.

    Raises:
        InputError: if the files do not hold contrast sets, or have no groups to count by.
    """
    columns = Columns(
        args.text_column,
        args.label_column,
        args.text2_column,
        args.group_column,
        args.pair_column,
        args.role_column if args.paired else None,
    )
    paths = [args.paired] if args.paired else [args.originals, args.contrasts]
    files = [read_examples(path, columns, args.labels, args.quoting) for path in paths]
    if args.paired:
        sets = group_by_id(files[0], args.original_role if args.role_column else None)
    else:
        sets = pair_files(files[0], files[1], args.contrasts_per_original)
        moving = count_moving(sets)
        if not args.pair_column and moving < len(files[1]):
            print(
                f"{moving:,} of {len(files[1]):,} contrasts have another label than their "
                "originals: make sure that the files have the same order",
                file=sys.stderr,
            )
    if args.group_column and all(one.group is None for one in sets):
        raise InputError(
            f"{paths[-1]} has no column {args.group_column!r}: specify with --group-column which "
            "column it is"
        )
    return sets


def each_predictor(
    sets: Sequence[ContrastSet], args: argparse.Namespace
) -> "Iterator[tuple[str, Predictor]]":
    """Yield the classifiers one by one, with their names."""
    load, options = evaluation.Predictor.from_checkpoint, TokenizerFiles.of(args).given()
    loads = {name: partial(load, path, args.data, **options) for name, path in args.checkpoint}

    def check(name, predictor):
        if predictor.head and not predictor.is_regression:  # else predicting says so
            found = ((example.where, example.label) for example in all_examples(sets))
            require_labels(found, predictor.labels, name)

    return load_in_turn(loads, check)


def evaluate(
    name: str, predictor: "Predictor", sets: Sequence[ContrastSet], args: argparse.Namespace
) -> ContrastReport:
    """Evaluate a checkpoint, with a progress bar."""
    texts = [example.text for example in all_examples(sets)]
    with tqdm(total=len(texts), unit=" texts", desc=name) as bar:
        columns = predictor.predict_proba(texts, bar.update).argmax(1)
    predictions = [predictor.labels[column] for column in columns]
    checkpoint, truncation = str(dict(args.checkpoint)[name]), count_truncated(predictor, texts)
    return make_contrast_report(
        name, checkpoint, sets, predictions, truncation, args.resamples, args.seed
    )


def as_json(reports: Sequence[ContrastReport], args: argparse.Namespace) -> dict[str, Any]:
    """Collect all figures and the options that they depend on."""
    checkpoints = [report.as_dict() for report in reports]
    return {"resamples": args.resamples, "seed": args.seed, "checkpoints": checkpoints}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    numbers = {n: getattr(args, n) for n in ("resamples", "contrasts_per_original")}
    require_ready(args.checkpoint, [args.json, args.unmoved], **numbers)
    require_files(args)
    sets = read_sets(args)
    reports = [
        evaluate(name, predictor, sets, args) for name, predictor in each_predictor(sets, args)
    ]
    print(printable(contrast_tables(reports, sets)), end="")
    if args.json:
        write_json(args.json, as_json(reports, args))
    if args.unmoved:
        write_unmoved(reports, args.unmoved, args.text2_column is not None)
