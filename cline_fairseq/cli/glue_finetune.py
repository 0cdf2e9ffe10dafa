"""Fine-tune a checkpoint on a task of GLUE, with several seeds, and score it on the dev set.

The checkpoint is one of CLINE, or of RoBERTa as published or trained with fairseq, of any size, or
one that was fine-tuned on another task. The data are those of cline-fairseq glue-preprocess:

    cline-fairseq glue-finetune --task RTE --data glue-bin/RTE --save runs/cline/RTE \\
        --checkpoint checkpoints/checkpoint_best.pt --seeds 1,2,3

Other settings than RoBERTa's; options that it does not know go to fairseq-train:

    cline-fairseq glue-finetune --task CoLA --data glue-bin/CoLA --save runs/roberta/CoLA \\
        --checkpoint roberta.base/model.pt --lr 2e-5 --batch-size 32 --max-epoch 3 --clip-norm 1

SAVE/seedN holds the best checkpoint, result.json with the metrics over the whole dev set, and the
predictions. The same command again goes on where it was interrupted, and leaves finished runs
alone. --predict test also writes the files for the leaderboard, into SAVE/seedN/test.
"""

import argparse
import hashlib
import json
import logging
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..atomic_io import make_folder, write_json
from ..checkpoint_files import Record, checkpoint_file, find_tokenizer, tokenizer_in
from ..errors import InputError, MissingFileError
from ..evaluation.glue.metrics import score
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
    has_split,
    learning_rate,
    num_examples,
    num_truncated,
    require_data,
    require_splits,
    total_updates,
    train_command,
)
from ..evaluation.glue.tasks import TASKS
from ..preprocessing.manifest import file_digest
from ..runtime.child_failures import require_success
from ..runtime.children import started
from ..runtime.locking import alone
from ..training.logs import parse_line
from .options import program_parser

LAST, BEST = "checkpoint_last.pt", "checkpoint_best.pt"
SETTINGS_FILE = "settings.json"


def _parse_args(argv):
    parser = program_parser(__name__, __doc__, allow_abbrev=False)
    parser.add_argument("--task", choices=list(TASKS), required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder of the binarized task")
    parser.add_argument("--checkpoint", type=Path, required=True, help="where to start from")
    parser.add_argument("--save", type=Path, required=True, help="folder to write to")
    parser.add_argument("--seeds", type=_seeds, default=[1], help="as 1,2,3")
    parser.add_argument(
        "--lr",
        type=float,
        help="learning rate (default: RoBERTa's for the task; higher for models narrower than 768)",
    )
    parser.add_argument("--batch-size", type=int, help="texts of an update, in all")
    parser.add_argument("--max-epoch", type=int, help="10 without")
    parser.add_argument("--warmup-ratio", type=float, help="part of the updates, 0.06 without")
    parser.add_argument("--weight-decay", type=float, help="0.1 without")
    parser.add_argument("--arch", help="cline_base without; its sizes are the checkpoint's")
    parser.add_argument(
        "--precision", choices=list(PRECISIONS), help="fp16 on a GPU, fp32 on a CPU without"
    )
    parser.add_argument("--gpus", type=int, help="1 without, if there is one; 0 is the CPU")
    parser.add_argument("--update-freq", type=int, default=1, help="batches of an update")
    parser.add_argument(
        "--predict", choices=["test"], help="write the files for the leaderboard as well"
    )
    args, args.extra = parser.parse_known_args(argv)
    if any(not part.startswith("-") for part in args.extra[:1]):
        parser.error(f"unrecognized argument {args.extra[0]}")
    for name in ("batch_size", "max_epoch", "update_freq"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return args


def _seeds(text):
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers with commas between, not {text!r}"
        ) from None


def machine_of(args) -> Machine:
    """The GPUs to use.

    Raises:
        InputError: if there are not so many.
    """
    import torch

    there = torch.cuda.device_count()
    gpus = min(there, 1) if args.gpus is None else args.gpus
    if not 0 <= gpus <= there:
        raise InputError(f"--gpus {gpus} are not there: give a number from 0 to {there}")
    return Machine(gpus, args.update_freq)


def default_lr(args, width: int) -> float:
    """The learning rate where none is given: that of a run to go on with, or one that fits."""
    for seed in args.seeds:
        path = args.save / f"seed{seed}" / SETTINGS_FILE
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["lr"]
    lr = learning_rate(TASKS[args.task], width)
    if lr != SETTINGS[args.task].lr:
        print(f"learning rate: {lr:g}, for a model of {width} dimensions (--lr sets another)")
    return lr


def settings_of(args, machine, width):
    """The settings of the task, and what the options change."""
    names = ("lr", "batch_size", "max_epoch", "warmup_ratio", "weight_decay", "arch", "precision")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    given.setdefault("precision", "fp16" if machine.gpus else "fp32")
    if args.lr is None:
        given["lr"] = default_lr(args, width)
    return replace(SETTINGS[args.task], **given, extra=tuple(args.extra))


def record_tokenizer(args) -> list[str]:
    """The options that let the fine-tuned checkpoint record the tokenizer of its data.

    Fine-tuning itself reads none. It is the tokenizer beside the data, where glue-preprocess put
    it, or else that of the checkpoint.
    """
    if any(option.startswith("--bpe") for option in args.extra):
        return []
    from ..checkpoint import read_checkpoint

    tokenizer = tokenizer_in([args.data])
    if tokenizer is None:
        record = Record.of(read_checkpoint(args.checkpoint)["cfg"])
        tokenizer = find_tokenizer(args.checkpoint, record, args.data)
    if tokenizer is None:
        print("note: no tokenizer is found to record; evaluation needs --bpe", file=sys.stderr)
        return []
    options = []
    for name, value in tokenizer.given().items():
        value = value if name == "bpe" else str(Path(value).absolute())
        options += [f"--{name.replace('_', '-')}", value]
    return options


def data_digest(data: Path) -> str:
    """What the data are, wherever they are: BLAKE2 of the files of train and dev."""
    files = sorted(
        path
        for part in ("input0", "input1", "label")
        for path in (data / part).glob("*")
        if path.name == "dict.txt" or path.name.startswith(("train", "valid"))
    )
    listed = "".join(f"{path.relative_to(data)} {file_digest(path)}\n" for path in files)
    return hashlib.blake2b(listed.encode(), digest_size=16).hexdigest()


def keep_settings(folder: Path, settings: dict) -> None:
    """Write what a run is, or make sure that it is the one that was there.

    Raises:
        InputError: if it is another one.
    """
    path = folder / SETTINGS_FILE
    begun = any((folder / name).exists() for name in (LAST, BEST, RESULT))
    if not begun or not path.exists():
        if begun:
            raise InputError(
                f"{folder} holds a run, and no {SETTINGS_FILE} says which: give another --save"
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
            f"{folder} is a run with other settings ({'; '.join(other)}): give another --save"
        )


def train(command: list[str], log: Path, updates: int, name: str) -> None:
    """Run fairseq-train with a bar over its updates; what it says goes to a log.

    Raises:
        InputError: if training fails.
    """
    program = Path(sys.executable).parent / "fairseq-train"
    program = str(program) if program.exists() else "fairseq-train"
    tail = deque(maxlen=15)
    with (
        log.open("a", encoding="utf-8") as file,
        started(
            [program, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        tqdm(total=updates, unit="update", desc=name) as bar,
    ):
        for line in process.stdout:
            file.write(line)
            tail.append(line)
            kind, values = parse_line(line)
            if kind == "train_inner":
                bar.set_postfix(loss=values["loss"], refresh=False)
                bar.update(int(values["num_updates"]) - bar.n)
    require_success(process.returncode, "fairseq-train", tail, log)


def label_predictions(glue_task, task, predictions):
    """What is right and what was predicted, as labels or as numbers."""
    from ..checkpoint import label_names

    if glue_task.is_regression:
        return predictions.gold, clip_scores(predictions.scores)
    predicted = label_names(task, predictions.scores.argmax(1))
    gold = None if predictions.gold is None else label_names(task, predictions.gold)
    return gold, predicted


def predict_with_bar(glue_task, model, task, data, split):
    """Predict a split with a bar; gold labels (or None) and predictions."""
    from ..inference import predict_split

    with tqdm(total=num_examples(data, split), unit=" texts", desc=split) as bar:
        predictions = predict_split(model, task, split, progress=bar.update)
    return label_predictions(glue_task, task, predictions)


def evaluate(glue_task, data, folder: Path) -> dict:
    """The metrics of the best checkpoint over the whole dev sets; their predictions as files."""
    from ..inference import load_classifier

    model, task = load_classifier(folder / BEST, data)
    metrics = {}
    for split in glue_task.valid_splits:
        if has_split(data, split):
            gold, predicted = predict_with_bar(glue_task, model, task, data, split)
            write_predictions(folder / f"predictions.{split}.tsv", gold, predicted)
            metrics[split] = score(glue_task, gold, predicted)
    return metrics


def training_facts(folder: Path) -> dict:
    """How long training took, and which checkpoint is the best.

    The seconds are those of fine-tuning with its validations, added up over interruptions. What an
    interruption lost, from the last checkpoint on, is trained again and counted once.
    """
    from ..safe_load import safe_load

    last, best = (safe_load(folder / name, map_location="cpu") for name in (LAST, BEST))
    updates = [state["optimizer_history"][-1]["num_updates"] for state in (last, best)]
    return {
        "updates": updates[0],
        "best_update": updates[1],
        "seconds": round(last["extra_state"]["previous_training_time"], 1),
    }


def finish(glue_task, args, folder, settings, seed) -> dict:
    """Score a run whose training has ended, and write its result."""
    result = {
        "task": glue_task.name,
        "seed": seed,
        "checkpoint": str(args.checkpoint),
        "settings": settings,
        **training_facts(folder),
        "metrics": evaluate(glue_task, args.data, folder),
    }
    write_result(folder, result)
    (folder / LAST).unlink(missing_ok=True)  # was for resuming, and is large
    return result


def require_test(glue_task, data: Path) -> None:
    """Make sure that there are test sets to predict.

    Raises:
        MissingFileError: if not.
    """
    for split in glue_task.leaderboard:
        if not has_split(data, split):
            raise MissingFileError(
                f"{data} has no {split} split: run glue-preprocess with the test files"
            )


def show_truncated(data: Path, splits, max_positions: int) -> None:
    """Tell how many texts the model will not read to their end."""
    for split in filter(partial(has_split, data), splits):
        count, total = num_truncated(data, split, max_positions), num_examples(data, split)
        if count:
            print(
                f"{split}: {count:,} of {total:,} texts are longer than the model's "
                f"{max_positions:,} positions and are cut at their end"
            )


def write_test_files(glue_task, data, folder: Path) -> None:
    """Predict the test sets, and write the files for the leaderboard."""
    from ..inference import load_classifier

    splits = list(glue_task.leaderboard)
    paths = [folder / "test" / glue_task.leaderboard[split] for split in splits]
    if all(path.exists() for path in paths):
        return
    model, task = load_classifier(folder / BEST, data)
    for split in splits:
        _, predicted = predict_with_bar(glue_task, model, task, data, split)
        print(write_submission(glue_task, split, predicted, folder / "test"))


def shown(result) -> str:
    """The metrics of a run in a line, in percent."""
    parts = []
    for split, metrics in result["metrics"].items():
        for name, value in metrics.items():
            number = "not defined" if value is None else f"{100 * value:.2f} %"
            parts.append(f"{split} {name} {number}")
    return f"{result['task']}, seed {result['seed']}: {', '.join(parts)}"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq, which tells what it loads; there are bars
    args = _parse_args(argv)
    glue_task = TASKS[args.task]
    args.checkpoint = checkpoint_file(args.checkpoint)
    require_splits(glue_task, args.data)
    if args.predict:
        require_test(glue_task, args.data)
    from ..checkpoint import describe_model  # takes seconds

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
                print(f"{shown(result)} (finished already)")
            else:
                updates = total_updates(num_examples(args.data, "train"), settings)
                train(
                    [*commands[seed], *tokenizer],
                    folder / "train.log",
                    updates,
                    f"{glue_task.name}, seed {seed}",
                )
                result = finish(glue_task, args, folder, {**record, "seed": seed}, seed)
                print(shown(result))
            if args.predict:
                write_test_files(glue_task, args.data, folder)
