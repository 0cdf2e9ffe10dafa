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

From one file with an original and its contrast in each row, here with a second text that they
share:

    cline-fairseq evaluate-contrast --checkpoint stance.pt --wide claims.csv \\
        --original-text-column claim --contrast-text-column edited --text2-column perspective \\
        --original-label-column stance --contrast-label-column edited_stance

From a published set by name, as its authors publish it:

    cline-fairseq evaluate-contrast --checkpoint mnli.pt --set nli-counterfactual --set-dir NLI

Files are TSV or CSV (.csv) with a header, or JSON lines (.jsonl, .ndjson, .json). Figures
are percentages with 95 % bootstrap intervals over the sets. "Unmoved" counts contrasts whose label
differs from the original's while the prediction does not. All checkpoints must predict the same
labels.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..evaluation.contrast import ContrastSet, all_examples
from ..evaluation.contrast_report import (
    ContrastReport,
    contrast_tables,
    make_contrast_report,
    write_unmoved,
)
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import require_labels
from ..evaluation.truncation import count_truncated
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .contrast_files import (
    add_columns_options,
    add_files_options,
    describe_left_out,
    parse_files,
    read_sets,
)
from .options import (
    add_bootstrap_options,
    add_checkpoints_options,
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
    add_files_options(parser)
    add_columns_options(parser)
    add_bootstrap_options(parser)
    add_json_option(parser)
    parser.add_argument(
        "--unmoved", type=Path, metavar="FILE", help="write unmoved contrasts to this TSV file"
    )
    return parse_files(parser, argv)


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


def as_json(
    reports: Sequence[ContrastReport], left_out: dict[str, int], args: argparse.Namespace
) -> dict[str, Any]:
    """Collect all figures and the options that they depend on."""
    checkpoints = [report.as_dict() for report in reports]
    return {
        "set": args.set,
        "left_out": left_out,
        "resamples": args.resamples,
        "seed": args.seed,
        "checkpoints": checkpoints,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    numbers = {n: getattr(args, n) for n in ("resamples", "contrasts_per_original")}
    require_ready(args.checkpoint, [args.json, args.unmoved], **numbers)
    require_files(args)
    sets, left_out = read_sets(args)
    reports = [
        evaluate(name, predictor, sets, args) for name, predictor in each_predictor(sets, args)
    ]
    print(printable(describe_left_out(left_out) + contrast_tables(reports, sets)), end="")
    if args.json:
        write_json(args.json, as_json(reports, left_out, args))
    if args.unmoved:
        write_unmoved(reports, args.unmoved, isinstance(sets[0].original.text, tuple))
