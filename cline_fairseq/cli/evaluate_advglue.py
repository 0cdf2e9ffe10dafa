"""Evaluate classifiers of GLUE's tasks on AdvGLUE, whose texts were attacked.

Each task is for a classifier of its own, of cline-fairseq glue-finetune:

    cline-fairseq evaluate-advglue --file dev_ann.json --json advglue.json \\
        --checkpoint sst2=runs/cline/SST-2/seed1/checkpoint_best.pt \\
        --checkpoint mnli=runs/cline/MNLI/seed1/checkpoint_best.pt

If the data of the classifiers have moved, --data is the folder that cline-fairseq glue-preprocess
wrote, with the folders of the tasks (SST-2, QQP, MNLI, QNLI, RTE).

The classifier of mnli is that of mnli-mm as well, unless that has its own. For several models side
by side, name them: --checkpoint cline:sst2=PATH --checkpoint mlm:sst2=PATH.

With dev_ann.json, the same classifier is also scored on the texts before the attack, as far as the
file has them; the accuracy on the attacked ones is then given for these alone, too. Numbers are
percent, with 95 % bootstrap intervals over the examples; --json adds those of each method of
attack.
"""

import argparse
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.advglue import TASKS, read_file, score, texts_to_predict
from ..evaluation.in_turn import load_in_turn
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .options import add_recorded_options, program_parser, require_files, require_ready

DEFAULT = "model"


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    parser.add_argument("--file", type=Path, required=True, help="dev.json or dev_ann.json")
    parser.add_argument(
        "--checkpoint",
        type=parse_checkpoint,
        action="append",
        required=True,
        metavar="[MODEL:]TASK=PATH",
        help=f"the classifier of a task ({', '.join(TASKS)}); again for others",
    )
    add_recorded_options(parser, "folder of the binarized tasks")
    parser.add_argument("--resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    args = parser.parse_args(argv)
    if args.resamples < 1:
        parser.error("--resamples must be at least 1")
    keys = [key for key, _ in args.checkpoint]
    if len(set(keys)) < len(keys):
        parser.error("give each task of a model one --checkpoint")
    return args


def parse_checkpoint(text: str) -> tuple[tuple[str, str], Path]:
    """``[MODEL:]TASK=PATH``: model and task, and the path."""
    key, _, path = text.partition("=")
    model, _, task = key.rpartition(":")
    if task not in TASKS or not path:
        raise argparse.ArgumentTypeError(
            f"expected TASK=PATH or MODEL:TASK=PATH with one of {', '.join(TASKS)}, not {text!r}"
        )
    return (model or DEFAULT, task), Path(path)


def chosen(tasks, args) -> dict:
    """The checkpoint by model and task; None where a model has no classifier of a task.

    Raises:
        InputError: if the file has no examples of a task that has a classifier.
    """
    checkpoints, found = dict(args.checkpoint), {}
    for _, name in checkpoints:
        if name not in tasks:
            raise InputError(f"{args.file} has no examples of {name}: leave it out")
    for model in dict.fromkeys(model for model, _ in checkpoints):
        for name in TASKS:
            path = checkpoints.get((model, name))
            if path is None and name == "mnli-mm":
                path = checkpoints.get((model, "mnli"))
            found[model, name] = path if name in tasks else None
    return found


def require_labels(key, path, predictor) -> None:
    """Make sure that a classifier has the labels of its task.

    Raises:
        InputError: if not.
    """
    task = TASKS[key[1]]
    if predictor.head and set(predictor.labels) != set(task.labels):
        raise InputError(
            f"{path} predicts {', '.join(predictor.labels) or 'numbers'}, and {task.name} has the "
            f"labels {', '.join(task.labels)}: give a classifier of {task.glue}"
        )


def evaluate(key, path, predictor, examples, args):
    """The results of a classifier on a task, as plain values."""
    model, name = key
    texts = texts_to_predict(examples)
    with tqdm(total=len(texts), unit=" texts", desc=f"{model} {name}") as bar:
        columns = predictor.predict_proba(texts, bar.update).argmax(1)
    predictions = [predictor.labels[column] for column in columns]
    scores, methods = score(examples, predictions, args.resamples, args.seed)
    return {
        "model": model,
        "task": name,
        "checkpoint": str(path),
        "scores": scores,
        "methods": methods,
        **count_truncated(predictor, texts),
    }


def evaluate_all(tasks, args):
    """The results by model and task; None where a model has no classifier of a task."""
    paths = chosen(tasks, args)

    def load(key):
        data = args.data and args.data / TASKS[key[1]].glue
        return evaluation.Predictor.from_checkpoint(
            paths[key], data, **TokenizerFiles.of(args).given()
        )

    results = dict.fromkeys(paths)
    predictors = load_in_turn(
        {key: partial(load, key) for key, path in paths.items() if path},
        lambda key, predictor: require_labels(key, paths[key], predictor),
    )
    for key, predictor in predictors:
        results[key] = evaluate(key, paths[key], predictor, tasks[key[1]], args)
    return results


def as_markdown(results) -> str:
    """The table for people."""
    lines = [
        "| task | model | adversarial | examples | clean, where given | the same, adversarial "
        "| examples |",
        "|---|---|---|---|---|---|---|",
    ]
    for task in TASKS:
        for (model, name), result in results.items():
            if name != task:
                continue
            if result is None:
                lines.append(f"| {task} | {model} | missing | | | | |")
                continue
            scores = result["scores"]
            row = f"| {task} | {model} | {scores.adversarial} | {scores.examples} |"
            if scores.with_original:
                row += f" {scores.original} | {scores.attacked} | {scores.with_original} |"
            else:
                row += " | | 0 |"
            lines.append(row)
    for result in filter(None, results.values()):
        if sentence := truncation_sentence(f"{result['model']}, {result['task']}", result):
            lines += ["", sentence]
    return "\n".join(lines)


def as_json(results, args) -> dict:
    """All numbers."""
    plain = [
        {"model": model, "task": task, "scores": None}
        if result is None
        else {
            **result,
            "scores": result["scores"].as_dict(),
            "methods": {name: scores.as_dict() for name, scores in result["methods"].items()},
        }
        for (model, task), result in results.items()
    ]
    return {"resamples": args.resamples, "seed": args.seed, "results": plain}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq, which tells what it loads; there are bars
    args = _parse_args(argv)
    checkpoints = [(":".join(key), path) for key, path in args.checkpoint]
    require_ready(checkpoints, [args.json])
    require_files(args)
    results = evaluate_all(read_file(args.file), args)
    print(printable(as_markdown(results)))
    if args.json:
        write_json(args.json, as_json(results, args))
