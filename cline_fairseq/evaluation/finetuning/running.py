"""Runs of an experiment, one for each seed: train, score, record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...runtime.locking import alone
from ..glue.results import RESULT, read_result, write_result
from ..glue.settings import (
    Machine,
    Settings,
    has_split,
    num_examples,
    num_truncated,
    total_updates,
    train_command,
)
from ..glue.tasks import TextTask
from .kept_settings import LAST, keep_settings, training_facts
from .predicting import evaluate
from .training import train

if TYPE_CHECKING:
    from ...checkpoint import ModelDescription  # imports fairseq, which takes seconds


@dataclass(frozen=True)
class Experiment:
    """What the runs of all seeds have in common.

    Attributes:
        task: the task.
        data: folder with the binarized task.
        checkpoint: the model to fine-tune.
        settings: settings for fine-tuning.
        model: sizes of the checkpoint.
        machine: GPUs, and accumulated batches.
        identity: plain values that identify task, checkpoint and data.
        tokenizer: options of fairseq-train that name the tokenizer.
    """

    task: TextTask
    data: Path
    checkpoint: Path
    settings: Settings
    model: "ModelDescription"
    machine: Machine
    identity: Mapping[str, Any]
    tokenizer: tuple[str, ...] = ()

    def command(self, folder: Path, seed: int) -> list[str]:
        """Return the arguments of fairseq-train for a run.

        Raises:
            InputError: as :func:`~..glue.settings.train_command`.
        """
        command = train_command(
            self.task,
            self.data,
            self.checkpoint,
            folder,
            seed,
            self.settings,
            self.model,
            self.machine,
        )
        return [*command, *self.tokenizer]

    def record(self, seed: int) -> dict[str, Any]:
        """Return plain values that identify a run."""
        return {**self.identity, **self.settings.as_dict(), "seed": seed}


def run_seed(experiment: Experiment, folder: Path, seed: int) -> tuple[dict[str, Any], bool]:
    """Train and score a run, or resume it, or read the result of a finished one.

    Args:
        experiment: what to run.
        folder: folder of the run.
        seed: random seed.

    Returns:
        the result, and whether the run was finished already.

    Raises:
        InputError: if the folder holds another run, or if training fails.
    """
    with alone(folder):
        record = experiment.record(seed)
        keep_settings(folder, record)
        if (folder / RESULT).exists():
            return read_result(folder / RESULT), True
        updates = total_updates(num_examples(experiment.data, "train"), experiment.settings)
        name = f"{experiment.task.name}, seed {seed}"
        train(experiment.command(folder, seed), folder / "train.log", updates, name)
        result = {
            "task": experiment.task.name,
            "seed": seed,
            "checkpoint": str(experiment.checkpoint),
            "settings": record,
            **training_facts(folder),
            "metrics": evaluate(experiment.task, experiment.data, folder),
        }
        write_result(folder, result)
        (folder / LAST).unlink(missing_ok=True)  # only needed to resume, and large
        return result, False


def summary_line(result: Mapping[str, Any]) -> str:
    """Show the metrics of a run in one line, in percent."""
    parts = []
    for split, metrics in result["metrics"].items():
        for name, value in metrics.items():
            number = "not defined" if value is None else f"{100 * value:.2f} %"
            parts.append(f"{split} {name} {number}")
    return f"{result['task']}, seed {result['seed']}: {', '.join(parts)}"


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
