"""Evaluate classifiers on contrast sets: accuracy on originals and contrasts, and consistency.

A set is an original text and one or more contrasts: small edits, most of which change the label.
A model is consistent on a set if it is right on all of it (Gardner et al. 2020,
https://arxiv.org/abs/2004.02709). From one file whose rows name their set, the original first:

    cline-fairseq evaluate-contrast --checkpoint cline=runs/cline/seed1/checkpoint_best.pt \\
        --paired test_paired.tsv --pair-column batch_id --text-column Text \\
        --label-column Sentiment --labels Negative=0,Positive=1

From two files in the same order, with pairs of texts, for two checkpoints side by side:

    cline-fairseq evaluate-contrast --checkpoint cline=cline.pt --checkpoint mlm=mlm.pt \\
        --originals original.jsonl --contrasts revised.jsonl --text-column premise \\
        --text2-column hypothesis --json contrast.json --unmoved unmoved.tsv

Files are TSV with a header, or JSON lines (.jsonl, .ndjson, .json). Numbers are percent, with 95 %
bootstrap intervals over the sets. Unmoved are the contrasts whose label is not that of the
original while the prediction is. Checkpoints must predict the same labels.
"""

import csv
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import atomic_write, write_json
from ..errors import InputError
from ..evaluation.contrast import (
    all_examples,
    count_moving,
    find_unmoved,
    group_by_id,
    pair_files,
    require_labels,
    score,
    score_groups,
)
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import Columns, read_examples
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import cell, printable
from ..tokenizer import TokenizerFiles
from .options import (
    add_checkpoints_options,
    add_examples_options,
    program_parser,
    require_files,
    require_ready,
)

UNMOVED = ("checkpoint", "set", "group", "original_label", "contrast_label", "prediction")


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    add_checkpoints_options(parser, "a fine-tuned classifier", "folder of its binarized task")
    files = parser.add_argument_group("files")
    files.add_argument("--paired", type=Path, help="one file of originals and contrasts")
    files.add_argument("--originals", type=Path, help="or a file of originals")
    files.add_argument("--contrasts", type=Path, help="and one of contrasts in the same order")
    files.add_argument(
        "--contrasts-per-original", type=int, default=1, help="of two files; one after the other"
    )
    columns = parser.add_argument_group("columns")
    add_examples_options(columns)
    columns.add_argument("--group-column", help="count by this as well, as a kind of edit")
    columns.add_argument("--pair-column", help="id of the set; of two files, it is compared")
    columns.add_argument(
        "--role-column", help="tells originals from contrasts; without, the first row is original"
    )
    columns.add_argument("--original-role", default="original", help="what it says of originals")
    parser.add_argument("--resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    parser.add_argument("--unmoved", type=Path, help="write unmoved contrasts into this TSV file")
    args = parser.parse_args(argv)
    if (args.paired is None) == (args.originals is None) or (args.originals is None) != (
        args.contrasts is None
    ):
        parser.error("give either --paired, or --originals with --contrasts")
    if args.paired and not args.pair_column:
        parser.error("--paired needs --pair-column")
    return args


def read_sets(args):
    """The contrast sets of the options."""
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
        sets = pair_files(*files, args.contrasts_per_original)
        moving = count_moving(sets)
        if not args.pair_column and moving < len(files[1]):
            print(
                f"{moving:,} of {len(files[1]):,} contrasts have another label than their "
                "originals: make sure that the files have the same order",
                file=sys.stderr,
            )
    if args.group_column and all(one.group is None for one in sets):
        raise InputError(
            f"{paths[-1]} has no column {args.group_column!r}: say with --group-column which it is"
        )
    return sets


def each_predictor(sets, args):
    """The predictors of the checkpoints one by one, with their names."""

    def check(name, predictor):
        if predictor.head and not predictor.is_regression:
            require_labels(sets, predictor.labels, name)

    load, options = evaluation.Predictor.from_checkpoint, TokenizerFiles.of(args).given()
    loads = {name: partial(load, path, args.data, **options) for name, path in args.checkpoint}
    return load_in_turn(loads, check)


def evaluate(name, predictor, sets, args):
    """The results of a checkpoint as plain values, and its unmoved contrasts."""
    texts = [example.text for example in all_examples(sets)]
    with tqdm(total=len(texts), unit=" texts", desc=name) as bar:
        columns = predictor.predict_proba(texts, bar.update).argmax(1)
    predictions = [predictor.labels[column] for column in columns]
    draws = (args.resamples, args.seed)
    groups = score_groups(sets, predictions, *draws)
    unmoved = find_unmoved(sets, predictions)
    result = {
        "name": name,
        "checkpoint": str(dict(args.checkpoint)[name]),
        "scores": score(sets, predictions, *draws),
        "groups": groups,
        "unmoved": len(unmoved),
        **count_truncated(predictor, texts),
    }
    return result, unmoved


def as_markdown(results, sets) -> str:
    """The tables for people."""
    lines = [
        f"{len(sets):,} contrast sets, {len(all_examples(sets)):,} texts.",
        "",
        "| checkpoint | originals | contrasts | consistency | unmoved |",
        "|---|---|---|---|---|",
    ]
    moving = count_moving(sets)
    for result in results:
        lines.append(
            f"| {result['name']} | {_shares(result['scores'])} | {result['unmoved']:,} of "
            f"{moving:,} |"
        )
    if any(result["groups"] for result in results):
        lines += [
            "",
            "| group | sets | checkpoint | originals | contrasts | consistency |",
            "|---|---|---|---|---|---|",
        ]
        for group in results[0]["groups"]:
            for result in results:
                scores = result["groups"][group]
                lines.append(
                    f"| {group} | {scores.sets:,} | {result['name']} | {_shares(scores)} |"
                )
    for result in results:
        if sentence := truncation_sentence(result["name"], result):
            lines += ["", sentence]
    return "\n".join(lines)


def _shares(scores):
    return " | ".join(
        str(share) for share in (scores.original, scores.contrast, scores.consistency)
    )


def as_json(results, args) -> dict:
    """All numbers."""
    plain = [
        {
            **result,
            "scores": result["scores"].as_dict(),
            "groups": {name: scores.as_dict() for name, scores in result["groups"].items()},
        }
        for result in results
    ]
    return {"resamples": args.resamples, "seed": args.seed, "checkpoints": plain}


def write_unmoved(unmoved, path: Path, is_pair: bool) -> None:
    """The contrasts that did not move a checkpoint, with their originals."""
    texts = ["text", "text2"] if is_pair else ["text"]
    header = [*UNMOVED, *(f"{kind}_{t}" for kind in ("original", "contrast") for t in texts)]
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, "excel-tab", lineterminator="\n")
        writer.writerow(header)
        for name, found in unmoved.items():
            for one, contrast, prediction in found:
                row = [
                    name,
                    one.set_id,
                    one.group_of(contrast) or "",
                    one.original.label,
                    contrast.label,
                ]
                row.append(prediction)
                for text in (one.original.text, contrast.text):
                    row += [text] if isinstance(text, str) else text
                writer.writerow(map(cell, row))


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq, which tells what it loads; there are bars
    args = _parse_args(argv)
    numbers = {n: getattr(args, n) for n in ("resamples", "contrasts_per_original")}
    require_ready(args.checkpoint, [args.json, args.unmoved], **numbers)
    require_files(args)
    sets = read_sets(args)
    results, unmoved = [], {}
    for name, predictor in each_predictor(sets, args):
        result, unmoved[name] = evaluate(name, predictor, sets, args)
        results.append(result)
    print(printable(as_markdown(results, sets)))
    if args.json:
        write_json(args.json, as_json(results, args))
    if args.unmoved:
        write_unmoved(unmoved, args.unmoved, args.text2_column is not None)
