"""Files of a run: result.json, predictions as text, files for the leaderboard."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...atomic_io import atomic_write, write_json
from ...errors import InputError
from .tasks import GlueTask

Labels = Sequence[str] | np.ndarray  # classes by name, or numbers (N,)
RESULT = "result.json"
RESULT_FORMAT = 1
SWEEP = "sweep.json"  # beside the folders of learning rates
SWEEP_FORMAT = 1
RATE = "lr-"  # beginning of the name of such a folder


def clip_scores(scores: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    """Clip regression scores (N, 1) to the range of the labels, if they have one: (N,)."""
    return scores[:, 0] if bounds is None else np.clip(scores[:, 0], *bounds)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write the result of a run, which marks the run as finished."""
    write_json(folder / RESULT, {"format": RESULT_FORMAT, **result})


def read_result(path: Path) -> dict[str, Any]:
    """Read the result of a run.

    Raises:
        InputError: if the file is not a result of this format.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["format"] != RESULT_FORMAT:
            raise ValueError(f"its format is {result['format']}, not {RESULT_FORMAT}")
        for name in ("task", "seed", "metrics", "settings"):
            result[name]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a result of cline-fairseq glue-finetune ({error}): remove it and rerun "
            "the command"
        ) from error
    return result


def dev_score(result: Mapping[str, Any]) -> float:
    """Average the metrics of a run on its dev sets; -1 if one is undefined."""
    values = [
        value
        for split, metrics in result["metrics"].items()
        if split.startswith("valid")
        for value in metrics.values()
    ]
    return -1.0 if None in values else statistics.fmean(values)


def is_chosen(folder: Path) -> bool | None:
    """Whether the runs in a folder are those to report.

    Returns:
        False for the runs with a learning rate that a sweep did not choose; None while the sweep
        is not finished.

    Raises:
        InputError: if the choice cannot be read.
    """
    if not folder.name.startswith(RATE):
        return True
    path = folder.parent / SWEEP
    if not path.is_file():
        return None
    try:
        sweep = json.loads(path.read_text(encoding="utf-8"))
        if sweep["format"] != SWEEP_FORMAT:
            raise ValueError(f"its format is {sweep['format']}, not {SWEEP_FORMAT}")
        return folder.name == sweep["chosen_folder"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not the choice of a sweep ({error}): remove it and rerun the command"
        ) from error


def write_predictions(path: Path, gold: Labels | None, predicted: Labels) -> None:
    """Write predictions, one example per line.

    Args:
        path: the TSV file to write.
        gold: gold labels, or numbers (None: no such column).
        predicted: predicted labels, or numbers.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8") as file:
        file.write("index\tgold\tprediction\n" if gold is not None else "index\tprediction\n")
        for i, prediction in enumerate(predicted):
            truth = "" if gold is None else f"{spelled(gold[i])}\t"
            file.write(f"{i}\t{truth}{spelled(prediction)}\n")


def write_submission(task: GlueTask, split: str, predicted: Labels, folder: Path) -> Path:
    """Write a file for the leaderboard.

    Args:
        task: one of :data:`~.tasks.GLUE_TASKS`.
        split: test, or MNLI's test1 or ax.
        predicted: predicted labels, or numbers, for all test examples in their order.
        folder: where to write the file.

    Returns:
        the path of the file, which has the name that the leaderboard expects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / task.predictions[split]
    write_predictions(path, None, predicted)
    return path


def spelled(value: str | float) -> str:
    """Spell a label as it is, and a number with six decimals."""
    return value if isinstance(value, str) else f"{value:.6f}"
