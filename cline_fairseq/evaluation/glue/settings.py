"""Settings for fine-tuning on each task, and the corresponding command line of fairseq-train.

Learning rates and batch sizes are RoBERTa's (Liu et al. 2019, arXiv 1907.11692, table 10, and the
configurations of fairseq's RoBERTa example): 10 epochs, a warm-up over 6 % of the updates, linear
decay. WNLI, for which none are published, uses those of RTE. The authors of CLINE used 2e-5, 16
texts and 3 epochs for every task. RoBERTa's rates are for 768 or more dimensions; narrower models
hardly learn with them and get higher ones, see :func:`rate_for_width`.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dictionary import MASK, PlainDictionary
from ...errors import InputError, MissingFileError
from .binarizing import MANIFEST
from .tasks import GlueTask, TextTask

if TYPE_CHECKING:
    from ...checkpoint import ModelDescription  # imports fairseq, which takes seconds

PACKAGE = Path(__file__).resolve().parents[2]  # for --user-dir
_BASE_WIDTH, _MAX_LR = 768, 5e-4
PRECISIONS = {
    "fp32": [],
    "fp16": ["--fp16", "--fp16-init-scale", "4", "--fp16-scale-window", "128"],
    "bf16": ["--bf16"],
}
PRECISIONS["fp16"] += ["--threshold-loss-scale", "1"]


@dataclass(frozen=True)
class Settings:
    """Settings for fine-tuning.

    Attributes:
        lr: peak learning rate, for models of at least RoBERTa-base's width.
        batch_size: texts per update, over all GPUs and accumulated batches.
        max_epoch: number of epochs.
        warmup_ratio: fraction of the updates in which the learning rate grows.
        weight_decay: weight decay of AdamW.
        arch: architecture of CLINE or RoBERTa.
        precision: fp32, fp16 or bf16.
        extra: further options of fairseq-train.
    """

    lr: float
    batch_size: int
    max_epoch: int = 10
    warmup_ratio: float = 0.06
    weight_decay: float = 0.1
    arch: str = "cline_base"
    precision: str = "fp32"
    extra: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The settings as plain values, to compare with those of another run."""
        return {**asdict(self), "extra": list(self.extra)}


SETTINGS = {
    "CoLA": Settings(lr=1e-5, batch_size=16),
    "SST-2": Settings(lr=1e-5, batch_size=32),
    "MRPC": Settings(lr=1e-5, batch_size=16),
    "STS-B": Settings(lr=2e-5, batch_size=16),
    "QQP": Settings(lr=1e-5, batch_size=32),
    "MNLI": Settings(lr=1e-5, batch_size=32),
    "QNLI": Settings(lr=1e-5, batch_size=32),
    "RTE": Settings(lr=2e-5, batch_size=16),
    "WNLI": Settings(lr=2e-5, batch_size=16),
}


def rate_for_width(lr: float, width: int) -> float:
    """Adapt a learning rate to the width of a model.

    For models narrower than RoBERTa-base, it is ``lr`` times (768 / width)^2, at most 5e-4. With
    the rates of the settings, models of 128 dimensions end at chance.

    Args:
        lr: the rate for models of at least RoBERTa-base's width.
        width: dimension of the model.
    """
    if width >= _BASE_WIDTH:
        return lr
    return float(f"{min(lr * (_BASE_WIDTH / width) ** 2, _MAX_LR):.3g}")


@dataclass(frozen=True)
class Machine:
    """Resources of a run; the results hardly depend on them.

    Attributes:
        gpus: number of GPUs; 0 is the CPU.
        update_freq: number of batches per update on each GPU.
    """

    gpus: int
    update_freq: int = 1


def total_updates(num_examples: int, settings: Settings) -> int:
    """Count the updates of a whole run; the last batch of an epoch may be smaller."""
    return settings.max_epoch * math.ceil(num_examples / settings.batch_size)


def require_divisible(settings: Settings, machine: Machine) -> int:
    """Require that a batch can be divided over the machine, and that updates can be counted.

    Returns:
        the number of parts of a batch.

    Raises:
        InputError: if one of them cannot.
    """
    parts = max(machine.gpus, 1) * machine.update_freq
    if settings.batch_size % parts:
        raise InputError(
            f"--batch-size {settings.batch_size} cannot be divided by {max(machine.gpus, 1)} GPUs "
            f"x --update-freq {machine.update_freq}: use a multiple of {parts}"
        )
    if "--max-tokens" in settings.extra and "--total-num-update" not in settings.extra:
        raise InputError(
            "with --max-tokens the updates are not known before training: also pass "
            "--total-num-update and --warmup-updates"
        )
    return parts


def train_command(
    task: TextTask,
    data: Path,
    checkpoint: Path,
    save_dir: Path,
    seed: int,
    settings: Settings,
    model: "ModelDescription",
    machine: Machine,
) -> list[str]:
    """Build the arguments of fairseq-train.

    The same command resumes from checkpoint_last.pt in ``save_dir``.

    Args:
        task: the task.
        data: folder with the binarized task.
        checkpoint: the model to fine-tune.
        save_dir: folder for checkpoints.
        seed: random seed.
        settings: settings for fine-tuning.
        model: sizes of the checkpoint.
        machine: GPUs, and accumulated batches.

    Raises:
        InputError: as :func:`require_divisible`.
    """
    parts = require_divisible(settings, machine)
    updates = total_updates(num_examples(data, "train"), settings)
    command = [str(data), "--user-dir", str(PACKAGE), "--arch", settings.arch, *model.options]
    command += ["--task", "sentence_prediction", "--criterion", "sentence_prediction"]
    command += ["--num-classes", str(task.num_classes)]
    command += ["--classification-head-name", task.head]
    command += ["--init-token", "0", "--separator-token", "2"]
    command += ["--max-positions", str(model.max_positions), "--shorten-method", "truncate"]
    command += ["--batch-size", str(settings.batch_size // parts)]
    command += ["--update-freq", str(machine.update_freq)]
    command += ["--required-batch-size-multiple", "1", "--seed", str(seed)]
    command += ["--max-epoch", str(settings.max_epoch), "--dropout", "0.1"]
    command += ["--attention-dropout", "0.1", "--weight-decay", str(settings.weight_decay)]
    command += ["--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--adam-eps", "1e-6"]
    command += ["--clip-norm", "0", "--lr", str(settings.lr)]
    command += ["--lr-scheduler", "polynomial_decay", "--total-num-update", str(updates)]
    command += ["--warmup-updates", str(round(settings.warmup_ratio * updates))]
    command += PRECISIONS[settings.precision]
    command += ["--finetune-from-model", str(checkpoint), "--save-dir", str(save_dir)]
    command += ["--no-epoch-checkpoints", "--ignore-unused-valid-subsets"]
    if task.is_regression:
        command += ["--regression-target"]  # the best checkpoint has the lowest loss
    else:
        command += ["--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric"]
    command += ["--find-unused-parameters"]  # the heads of pre-training
    command += ["--distributed-world-size", str(max(machine.gpus, 1))]
    command += [] if machine.gpus else ["--cpu"]
    command += ["--log-format", "json", "--log-interval", str(max(updates // 200, 1))]
    return [*command, *settings.extra]


def num_examples(data: Path, split: str) -> int:
    """Count the examples in a split."""
    from fairseq.data import data_utils

    return len(data_utils.load_indexed_dataset(str(data / "input0" / split), None))


def num_truncated(data: Path, split: str, max_positions: int) -> int:
    """Count the examples in a split that ``--shorten-method truncate`` truncates.

    Args:
        data: folder with the binarized task.
        split: name of the split.
        max_positions: number of tokens that the model reads at most.
    """
    from fairseq.data import data_utils

    lengths = np.zeros(1, np.int64)
    for part in ("input0", "input1"):
        lines = data_utils.load_indexed_dataset(str(data / part / split), None)
        if lines is not None:
            lengths = lengths + np.asarray(lines.sizes, np.int64) + 1  # --init-token, or the other
    return int((lengths > max_positions).sum())


def has_split(data: Path, split: str) -> bool:
    """Whether the data include a split."""
    return (data / "input0" / f"{split}.idx").is_file()


def require_splits(task: GlueTask, data: Path) -> None:
    """Require that a folder holds binarized data.

    Raises:
        MissingFileError: if files are missing.
    """
    for split in ("train", "valid"):
        if not has_split(data, split):
            raise MissingFileError(
                f"no {data / 'input0' / split}.idx: pass the folder of {task.name} that "
                "cline-fairseq glue-preprocess wrote"
            )


def require_data(task: GlueTask, data: Path, model: "ModelDescription", checkpoint: Path) -> None:
    """Require that a folder holds a task, encoded with the dictionary of a checkpoint.

    Args:
        task: one of :data:`~.tasks.GLUE_TASKS`.
        data: folder with the binarized task.
        model: sizes of the checkpoint.
        checkpoint: its path, for messages.

    Raises:
        MissingFileError: if files are missing.
        InputError: if they belong to another task, or another dictionary.
    """
    require_splits(task, data)
    manifest = data / MANIFEST
    written = manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8"))["options"]
    is_pair = (data / "input1" / "train.idx").is_file()
    labels = None
    if not (data / "label" / "train.label").is_file():
        labels = set(PlainDictionary(data / "label" / "dict.txt").text_symbols)
    is_other = is_pair != (len(task.texts) == 2) or (labels or set()) != set(task.labels)
    # Several tasks have the same labels, and data of fairseq-preprocess have no manifest.
    if is_other or (written and written.get("task", task.name) != task.name):
        raise InputError(
            f"{data} holds a task other than {task.name}: pass the folder of the same task"
        )
    require_dictionary(
        data / "input0" / "dict.txt",
        model,
        checkpoint,
        "run cline-fairseq glue-preprocess with the tokenizer and the dictionary of the checkpoint",
    )


def require_dictionary(
    path: Path, model: "ModelDescription", checkpoint: Path, advice: str
) -> PlainDictionary:
    """Read a dictionary, which must have the size of a checkpoint's.

    Args:
        path: the dictionary.
        model: sizes of the checkpoint.
        checkpoint: its path, for messages.
        advice: what to do about another size, as the end of the error message.

    Raises:
        MissingFileError: if the dictionary is missing.
        InputError: if its size is another.
    """
    dictionary = PlainDictionary(path)
    size = len(dictionary.symbols) + (MASK not in dictionary.symbols)
    if size != model.num_symbols:
        raise InputError(
            f"{path} has {size:,} symbols, and {checkpoint} was trained with "
            f"{model.num_symbols:,}: {advice}"
        )
    return dictionary
