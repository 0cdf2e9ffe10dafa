"""Evaluate GLUE classifiers on AdvGLUE, whose texts were attacked.

Each task needs a classifier of its own, made by cline-fairseq glue-finetune:

    cline-fairseq evaluate-advglue --file dev_ann.json --json advglue.json \\
        --checkpoint sst2=runs/cline/SST-2/seed1/checkpoint_best.pt \\
        --checkpoint mnli=runs/cline/MNLI/seed1/checkpoint_best.pt

If the classifiers' data have moved, pass with --data the folder that cline-fairseq glue-preprocess
wrote, which holds a folder for each task (SST-2, QQP, MNLI, QNLI, RTE).

The classifier for mnli is also used for mnli-mm, unless mnli-mm has its own. To compare several
models, name them: --checkpoint cline:sst2=PATH --checkpoint mlm:sst2=PATH.

dev_ann.json also holds the texts before the attack. The same classifier is scored on these too
("clean"), and on the attacked versions of the same texts alone. Figures are percentages with 95 %
bootstrap intervals over the examples; --json also has them for each method of attack.
"""

import argparse
import logging
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.advglue import (
    ADVGLUE_TASKS,
    AdvGlueExample,
    read_file,
    require_task_labels,
    score_advglue,
    texts_to_predict,
)
from ..evaluation.advglue_report import (
    AdvGlueReport,
    AdvGlueReports,
    advglue_table,
    advglue_values,
)
from ..evaluation.in_turn import load_in_turn
from ..evaluation.truncation import count_truncated
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .options import (
    add_bootstrap_options,
    add_json_option,
    add_recorded_options,
    program_parser,
    require_files,
    require_ready,
)

if TYPE_CHECKING:
    from ..inference import Predictor  # imports torch, which takes seconds

DEFAULT = "model"
Key = tuple[str, str]  # model and task


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "--file",
        type=Path,
        required=True,
        metavar="FILE",
        help="dev.json or dev_ann.json of AdvGLUE",
    )
    parser.add_argument(
        "--checkpoint",
        type=parse_checkpoint,
        action="append",
        required=True,
        metavar="TASK=PATH",
        help=f"classifier for a task ({', '.join(ADVGLUE_TASKS)}), or MODEL:TASK=PATH to name its "
        "model; repeat for more tasks and models",
    )
    add_recorded_options(parser, "folder with the binarized tasks")
    add_bootstrap_options(parser)
    add_json_option(parser)
    args = parser.parse_args(argv)
    if args.resamples < 1:
        parser.error("--resamples must be at least 1")
    keys = [key for key, _ in args.checkpoint]
    if len(set(keys)) < len(keys):
        parser.error("pass one --checkpoint for each task of a model")
    return args


def parse_checkpoint(text: str) -> tuple[Key, Path]:
    """Parse ``[MODEL:]TASK=PATH``, as the type of an option.

    Returns:
        model and task, and the path.
    """
    key, _, path = text.partition("=")
    model, _, task = key.rpartition(":")
    if task not in ADVGLUE_TASKS or not path:
        raise argparse.ArgumentTypeError(
            "expected TASK=PATH or MODEL:TASK=PATH with one of the tasks "
            f"{', '.join(ADVGLUE_TASKS)}, not {text!r}"
        )
    return (model or DEFAULT, task), Path(path)


def choose_checkpoints(tasks: Collection[str], args: argparse.Namespace) -> dict[Key, Path | None]:
    """Choose a checkpoint for each model and task.

    Args:
        tasks: names of the tasks that the file holds.
        args: the options of the program.

    Returns:
        paths, keyed by model and task; None where a model has no classifier for a task.

    Raises:
        InputError: if the file has no examples for a classifier.
    """
    checkpoints = dict(args.checkpoint)
    found: dict[Key, Path | None] = {}
    for _, name in checkpoints:
        if name not in tasks:
            raise InputError(f"{args.file} has no examples of {name}: leave it out")
    for model in dict.fromkeys(model for model, _ in checkpoints):
        for name in ADVGLUE_TASKS:
            path = checkpoints.get((model, name))
            if path is None and name == "mnli-mm":
                path = checkpoints.get((model, "mnli"))
            found[model, name] = path if name in tasks else None
    return found


def evaluate(
    key: Key,
    path: Path,
    predictor: "Predictor",
    examples: Sequence[AdvGlueExample],
    args: argparse.Namespace,
) -> AdvGlueReport:
    """Evaluate a classifier on a task, with a progress bar."""
    model, task = key
    texts = texts_to_predict(examples)
    with tqdm(total=len(texts), unit=" texts", desc=f"{model} {task}") as bar:
        columns = predictor.predict_proba(texts, bar.update).argmax(1)
    predictions = [predictor.labels[column] for column in columns]
    scores, methods = score_advglue(examples, predictions, args.resamples, args.seed)
    truncation = count_truncated(predictor, texts)
    return AdvGlueReport(model, task, str(path), scores, methods, truncation)


def evaluate_all(
    tasks: Mapping[str, Sequence[AdvGlueExample]], args: argparse.Namespace
) -> AdvGlueReports:
    """Evaluate all classifiers.

    Args:
        tasks: the examples of each task.
        args: the options of the program.

    Returns:
        reports, keyed by model and task; None where a model has no classifier for a task.
    """
    paths = choose_checkpoints(tasks, args)
    chosen = {key: path for key, path in paths.items() if path is not None}

    def load(key):
        data = args.data and args.data / ADVGLUE_TASKS[key[1]].glue
        return evaluation.Predictor.from_checkpoint(
            chosen[key], data, **TokenizerFiles.of(args).given()
        )

    def check(key, predictor):
        if predictor.head:  # without one, predicting says so
            require_task_labels(ADVGLUE_TASKS[key[1]], predictor.labels, str(chosen[key]))

    reports: dict[Key, AdvGlueReport | None] = dict.fromkeys(paths)
    for key, predictor in load_in_turn({key: partial(load, key) for key in chosen}, check):
        reports[key] = evaluate(key, chosen[key], predictor, tasks[key[1]], args)
    return reports


def as_json(reports: AdvGlueReports, args: argparse.Namespace) -> dict[str, Any]:
    """Collect all figures and the options that they depend on."""
    return {"resamples": args.resamples, "seed": args.seed, "results": advglue_values(reports)}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    checkpoints = [(":".join(key), path) for key, path in args.checkpoint]
    require_ready(checkpoints, [args.json])
    require_files(args)
    reports = evaluate_all(read_file(args.file), args)
    print(printable(advglue_table(reports)), end="")
    if args.json:
        write_json(args.json, as_json(reports, args))
