"""What a run leaves behind: result.json, predictions as text, files for the leaderboard."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...atomic_io import atomic_write, write_json
from ...errors import InputError
from .tasks import SCORES, GlueTask

RESULT = "result.json"
RESULT_FORMAT = 1


def clip_scores(scores: np.ndarray) -> np.ndarray:
    """Numbers of a regression in the range of its labels; (N, 1) in, (N,) out."""
    return np.clip(scores[:, 0], *SCORES)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write the result of a run, which shows that the run is finished."""
    write_json(folder / RESULT, {"format": RESULT_FORMAT, **result})


def read_result(path: Path) -> dict[str, Any]:
    """Read the result of a run.

    Raises:
        InputError: if it is no such file.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        if result["format"] != RESULT_FORMAT:
            raise ValueError(f"its format is {result['format']}, not {RESULT_FORMAT}")
        for name in ("task", "seed", "metrics", "settings"):
            result[name]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is no result of cline-fairseq glue-finetune ({error}): remove it and run that "
            "again"
        ) from error
    return result


def write_predictions(path: Path, gold: Sequence | None, predicted: Sequence) -> None:
    """Write predictions beside what is right, one example a line."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8") as file:
        file.write("index\tgold\tprediction\n" if gold is not None else "index\tprediction\n")
        for i, prediction in enumerate(predicted):
            truth = "" if gold is None else f"{spelled(gold[i])}\t"
            file.write(f"{i}\t{truth}{spelled(prediction)}\n")


def write_submission(task: GlueTask, split: str, predicted: Sequence, folder: Path) -> Path:
    """Write a file for the leaderboard.

    Args:
        task: one of :data:`~.tasks.GLUE_TASKS`.
        split: test; of MNLI also test1.
        predicted: of all test examples, in their order: labels, or numbers.
        folder: that of the file.

    Returns:
        the file, whose name is that of the leaderboard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / task.leaderboard[split]
    write_predictions(path, None, predicted)
    return path


def spelled(value: str | float) -> str:
    """A label as it is, or a number with six digits behind the point."""
    return value if isinstance(value, str) else f"{value:.6f}"
