"""Fine-tune a checkpoint on a GLUE task, with several seeds, and score it on the dev set.

The checkpoint is a CLINE model of any size, a RoBERTa model as published or trained with fairseq,
or one that was fine-tuned on another task. The data come from cline-fairseq glue-preprocess:

    cline-fairseq glue-finetune --task RTE --data glue-bin/RTE --save runs/cline/RTE \\
        --checkpoint checkpoints/checkpoint_best.pt --seeds 1,2,3

With settings other than RoBERTa's; unknown options are passed on to fairseq-train:

    cline-fairseq glue-finetune --task CoLA --data glue-bin/CoLA --save runs/roberta/CoLA \\
        --checkpoint roberta.base/model.pt --lr 2e-5 --batch-size 32 --max-epoch 3 --clip-norm 1

SAVE/seedN holds the best checkpoint, result.json with the metrics over the whole dev set, and the
predictions. The same command can be rerun: it resumes interrupted runs and skips finished ones.
--predict test also writes the files for the leaderboard, to SAVE/seedN/test.
"""

import argparse
import hashlib
import json
import logging
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ..atomic_io import make_folder, write_json
from ..checkpoint_files import Record, checkpoint_file, find_tokenizer, tokenizer_in
from ..errors import InputError, MissingFileError
from ..evaluation.glue.metrics import compute_metrics
from ..evaluation.glue.results import (
    RESULT,
    clip_scores,
    read_result,
    write_predictions,
    write_result,
    write_submission,
)
from ..evaluation.glue.settings import (
    PRECISIONS,
    SETTINGS,
    Machine,
    Settings,
    has_split,
    learning_rate,
    num_examples,
    num_truncated,
    require_data,
    require_splits,
    total_updates,
    train_command,
)
from ..evaluation.glue.tasks import GLUE_TASKS, GlueTask
from ..preprocessing.manifest import file_digest
from ..runtime.child_failures import require_success
from ..runtime.children import started
from ..runtime.locking import alone
from ..training.logs import parse_line
from .options import program_parser

if TYPE_CHECKING:
    from ..inference import Predictions

Labels = Sequence[str] | np.ndarray
_DEFAULTS = SETTINGS["RTE"]  # of what is the same for all tasks
LAST, BEST = "checkpoint_last.pt", "checkpoint_best.pt"
SETTINGS_FILE = "settings.json"


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__, allow_abbrev=False)
    parser.add_argument(
        "--task",
        choices=list(GLUE_TASKS),
        required=True,
        metavar="TASK",
        help="name of the task: %(choices)s",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder with the binarized task"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="PATH",
        help="model to fine-tune, a .pt file or its folder",
    )
    parser.add_argument(
        "--save", type=Path, required=True, metavar="DIR", help="folder to write runs to"
    )
    parser.add_argument(
        "--seeds",
        type=_parse_seeds,
        default=[1],
        metavar="N,...",
        help="random seeds, one run each, e.g. 1,2,3 (default: 1)",
    )
    parser.add_argument(
        "--lr",
        type=float,
        metavar="LR",
        help="peak learning rate (default: RoBERTa's for the task; higher for models narrower than "
        "768)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help="texts per update, over all GPUs and accumulated batches (default: RoBERTa's for the "
        "task)",
    )
    parser.add_argument(
        "--max-epoch",
        type=int,
        metavar="N",
        help=f"number of epochs (default: {_DEFAULTS.max_epoch})",
    )
    parser.add_argument(
        "--warmup-ratio",
        type=float,
        metavar="FRACTION",
        help="fraction of the updates in which the learning rate grows "
        f"(default: {_DEFAULTS.warmup_ratio})",
    )
    parser.add_argument(
        "--weight-decay",
        type=float,
        metavar="X",
        help=f"weight decay of AdamW (default: {_DEFAULTS.weight_decay})",
    )
    parser.add_argument(
        "--arch",
        metavar="NAME",
        help="architecture of CLINE or RoBERTa; sizes are always the checkpoint's "
        f"(default: {_DEFAULTS.arch})",
    )
    parser.add_argument(
        "--precision",
        choices=list(PRECISIONS),
        help="floating-point format (default: fp16 on a GPU, fp32 on a CPU)",
    )
    parser.add_argument(
        "--gpus",
        type=int,
        metavar="N",
        help="number of GPUs; 0 is the CPU (default: 1 if one is available, otherwise 0)",
    )
    parser.add_argument(
        "--update-freq",
        type=int,
        default=1,
        metavar="N",
        help="accumulate gradients over N batches per update (default: %(default)s)",
    )
    parser.add_argument(
        "--predict", choices=["test"], help="also write the files for the leaderboard"
    )
    args, extra = parser.parse_known_args(argv)
    args.extra = extra
    if any(not part.startswith("-") for part in args.extra[:1]):
        parser.error(f"unrecognized argument {args.extra[0]}")
    for name in ("batch_size", "max_epoch", "update_freq"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return args


def _parse_seeds(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, not {text!r}"
        ) from None


def machine_of(args: argparse.Namespace) -> Machine:
    """Choose the GPUs to use.

    Raises:
        InputError: if the machine has fewer than --gpus.
    """
    import torch

    available = torch.cuda.device_count()
    gpus = min(available, 1) if args.gpus is None else args.gpus
    if not 0 <= gpus <= available:
        raise InputError(
            f"--gpus {gpus} is not available here: give a number from 0 to {available}"
        )
    return Machine(gpus, args.update_freq)


def default_lr(args: argparse.Namespace, width: int) -> float:
    """Choose a learning rate: that of a run to resume, or else one that suits the model.

    Args:
        args: the options of the program, without --lr.
        width: dimension of the model.
    """
    for seed in args.seeds:
        path = args.save / f"seed{seed}" / SETTINGS_FILE
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["lr"]
    lr = learning_rate(GLUE_TASKS[args.task], width)
    if lr != SETTINGS[args.task].lr:
        print(f"learning rate: {lr:g}, for a model of {width} dimensions (--lr sets another)")
    return lr


def settings_of(args: argparse.Namespace, machine: Machine, width: int) -> Settings:
    """Combine the task's settings with those of the options.

    Args:
        args: the options of the program.
        machine: the GPUs to use.
        width: dimension of the model.
    """
    names = ("lr", "batch_size", "max_epoch", "warmup_ratio", "weight_decay", "arch", "precision")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    given.setdefault("precision", "fp16" if machine.gpus else "fp32")
    if args.lr is None:
        given["lr"] = default_lr(args, width)
    return replace(SETTINGS[args.task], **given, extra=tuple(args.extra))


def record_tokenizer(args: argparse.Namespace) -> list[str]:
    """Return options that make the fine-tuned checkpoint record the tokenizer of its data.

    Fine-tuning itself does not use a tokenizer. It is the one next to the data, where
    glue-preprocess put it, or else the checkpoint's.
    """
    if any(option.startswith("--bpe") for option in args.extra):
        return []
    from ..checkpoint import read_checkpoint

    tokenizer = tokenizer_in([args.data])
    if tokenizer is None:
        record = Record.of(read_checkpoint(args.checkpoint)["cfg"])
        tokenizer = find_tokenizer(args.checkpoint, record, args.data)
    if tokenizer is None:
        print("note: no tokenizer was found to record; evaluation needs --bpe", file=sys.stderr)
        return []
    return tokenizer.command_line()


def data_digest(data: Path) -> str:
    """Identify data, wherever their folder is: BLAKE2 of the files of train and dev."""
    files = sorted(
        path
        for part in ("input0", "input1", "label")
        for path in (data / part).glob("*")
        if path.name == "dict.txt" or path.name.startswith(("train", "valid"))
    )
    listed = "".join(f"{path.relative_to(data)} {file_digest(path)}\n" for path in files)
    return hashlib.blake2b(listed.encode(), digest_size=16).hexdigest()


def keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a run to its folder, or require that a run there has the same.

    Args:
        folder: folder of the run.
        settings: plain values that identify the run.

    Raises:
        InputError: if the folder holds another run.
    """
    path = folder / SETTINGS_FILE
    begun = any((folder / name).exists() for name in (LAST, BEST, RESULT))
    if not begun or not path.exists():
        if begun:
            raise InputError(
                f"{folder} holds a run without its {SETTINGS_FILE}: give another --save"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
        return
    old = json.loads(path.read_text(encoding="utf-8"))
    other = [
        f"{name} {old.get(name)}, now {settings.get(name)}"
        for name in sorted({*old, *settings})
        if old.get(name) != settings.get(name)
    ]
    if other:
        raise InputError(
            f"{folder} holds a run with other settings ({'; '.join(other)}): give another --save"
        )


def train(command: list[str], log: Path, updates: int, name: str) -> None:
    """Run fairseq-train with a progress bar over its updates.

    Args:
        command: its arguments.
        log: file that its output is appended to.
        updates: number of updates.
        name: what to call the run.

    Raises:
        InputError: if training fails.
    """
    installed = Path(sys.executable).parent / "fairseq-train"
    program = str(installed) if installed.exists() else "fairseq-train"
    tail: deque[str] = deque(maxlen=15)
    with (
        log.open("a", encoding="utf-8") as file,
        started(
            [program, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        tqdm(total=updates, unit="update", desc=name) as bar,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            tail.append(line)
            kind, values = parse_line(line)
            if kind == "train_inner":
                bar.set_postfix(loss=values["loss"], refresh=False)
                bar.update(int(values["num_updates"]) - bar.n)
    require_success(process.returncode, "fairseq-train", tail, log)


def label_predictions(
    glue_task: GlueTask, task: Any, predictions: "Predictions"
) -> tuple[Labels | None, Labels]:
    """Name the classes of predictions.

    Args:
        glue_task: the task.
        task: fairseq's task, with the dictionary of labels.
        predictions: predictions for a split.

    Returns:
        gold labels (None: the split has none) and predicted labels; numbers for regression.
    """
    from ..checkpoint import label_names

    if glue_task.is_regression:
        return predictions.gold, clip_scores(predictions.scores)
    predicted = label_names(task, predictions.scores.argmax(1))
    gold = None if predictions.gold is None else label_names(task, predictions.gold)
    return gold, predicted


def predict_with_bar(
    glue_task: GlueTask, model: Any, task: Any, data: Path, split: str
) -> tuple[Labels | None, Labels]:
    """Predict a split with a progress bar.

    Args:
        glue_task: the task.
        model: the classifier.
        task: fairseq's task.
        data: folder with the binarized task.
        split: name of the split.

    Returns:
        as :func:`label_predictions`.
    """
    from ..inference import predict_split

    with tqdm(total=num_examples(data, split), unit=" texts", desc=split) as bar:
        predictions = predict_split(model, task, split, progress=bar.update)
    return label_predictions(glue_task, task, predictions)


def evaluate(glue_task: GlueTask, data: Path, folder: Path) -> dict[str, Any]:
    """Score the best checkpoint on the whole dev sets, and write its predictions.

    Args:
        glue_task: the task.
        data: folder with the binarized task.
        folder: folder of the run.

    Returns:
        metrics, keyed by split.
    """
    from ..inference import load_classifier

    model, task = load_classifier(folder / BEST, data)
    metrics = {}
    for split in glue_task.valid_splits:
        if has_split(data, split):
            gold, predicted = predict_with_bar(glue_task, model, task, data, split)
            write_predictions(folder / f"predictions.{split}.tsv", gold, predicted)
            assert gold is not None
            metrics[split] = compute_metrics(glue_task, gold, predicted)
    return metrics


def training_facts(folder: Path) -> dict[str, Any]:
    """Find out how long training took, and which checkpoint is the best.

    Seconds include validation and are added up over interruptions. Updates that an interruption
    lost are repeated, and counted once.
    """
    from ..safe_load import safe_load

    last, best = (safe_load(folder / name, map_location="cpu") for name in (LAST, BEST))
    updates = [state["optimizer_history"][-1]["num_updates"] for state in (last, best)]
    return {
        "updates": updates[0],
        "best_update": updates[1],
        "seconds": round(last["extra_state"]["previous_training_time"], 1),
    }


def finish(
    glue_task: GlueTask,
    args: argparse.Namespace,
    folder: Path,
    settings: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Score a run whose training has ended, and write its result.

    Args:
        glue_task: the task.
        args: the options of the program.
        folder: folder of the run.
        settings: what :func:`keep_settings` wrote.
        seed: random seed of the run.
    """
    result = {
        "task": glue_task.name,
        "seed": seed,
        "checkpoint": str(args.checkpoint),
        "settings": settings,
        **training_facts(folder),
        "metrics": evaluate(glue_task, args.data, folder),
    }
    write_result(folder, result)
    (folder / LAST).unlink(missing_ok=True)  # only needed to resume, and large
    return result


def require_test(glue_task: GlueTask, data: Path) -> None:
    """Require that the data include the test sets.

    Raises:
        MissingFileError: if they do not.
    """
    for split in glue_task.leaderboard:
        if not has_split(data, split):
            raise MissingFileError(
                f"{data} has no {split} split: run glue-preprocess with the test files"
            )


def show_truncated(data: Path, splits: Iterable[str], max_positions: int) -> None:
    """Print how many texts are longer than the model reads.

    Args:
        data: folder with the binarized task.
        splits: names of splits; those that do not exist are ignored.
        max_positions: number of tokens that the model reads at most.
    """
    for split in filter(partial(has_split, data), splits):
        count, total = num_truncated(data, split, max_positions), num_examples(data, split)
        if count:
            print(
                f"{split}: {count:,} of {total:,} texts are longer than the model's "
                f"{max_positions:,} positions and are truncated"
            )


def write_test_files(glue_task: GlueTask, data: Path, folder: Path) -> None:
    """Predict the test sets, and write the files for the leaderboard.

    Args:
        glue_task: the task.
        data: folder with the binarized task.
        folder: folder of the run.
    """
    from ..inference import load_classifier

    splits = list(glue_task.leaderboard)
    paths = [folder / "test" / glue_task.leaderboard[split] for split in splits]
    if all(path.exists() for path in paths):
        return
    model, task = load_classifier(folder / BEST, data)
    for split in splits:
        _, predicted = predict_with_bar(glue_task, model, task, data, split)
        print(write_submission(glue_task, split, predicted, folder / "test"))


def summary_line(result: Mapping[str, Any]) -> str:
    """Show the metrics of a run in one line, in percent."""
    parts = []
    for split, metrics in result["metrics"].items():
        for name, value in metrics.items():
            number = "not defined" if value is None else f"{100 * value:.2f} %"
            parts.append(f"{split} {name} {number}")
    return f"{result['task']}, seed {result['seed']}: {', '.join(parts)}"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    glue_task = GLUE_TASKS[args.task]
    args.checkpoint = checkpoint_file(args.checkpoint)
    require_splits(glue_task, args.data)
    if args.predict:
        require_test(glue_task, args.data)
    from ..checkpoint import describe_model  # imports torch, which takes seconds

    machine = machine_of(args)
    model = describe_model(args.checkpoint, args.arch or SETTINGS[args.task].arch)
    settings = settings_of(args, machine, model.width)
    require_data(glue_task, args.data, model, args.checkpoint)
    args.data, args.checkpoint = args.data.resolve(), args.checkpoint.resolve()
    record = {
        "task": glue_task.name,
        "checkpoint_digest": file_digest(args.checkpoint),
        "data_digest": data_digest(args.data),
        **settings.as_dict(),
    }
    tokenizer = record_tokenizer(args)
    show_truncated(args.data, (*glue_task.valid_splits, "train"), model.max_positions)
    runs = {seed: args.save / f"seed{seed}" for seed in args.seeds}
    commands = {
        seed: train_command(
            glue_task, args.data, args.checkpoint, folder, seed, settings, model, machine
        )
        for seed, folder in runs.items()
    }
    make_folder(args.save)
    for seed, folder in runs.items():
        with alone(folder):
            keep_settings(folder, {**record, "seed": seed})
            if (folder / RESULT).exists():
                result = read_result(folder / RESULT)
                print(f"{summary_line(result)} (finished already)")
            else:
                updates = total_updates(num_examples(args.data, "train"), settings)
                train(
                    [*commands[seed], *tokenizer],
                    folder / "train.log",
                    updates,
                    f"{glue_task.name}, seed {seed}",
                )
                result = finish(glue_task, args, folder, {**record, "seed": seed}, seed)
                print(summary_line(result))
            if args.predict:
                write_test_files(glue_task, args.data, folder)
