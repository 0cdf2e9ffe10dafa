"""Files for GLUE's leaderboard: predictions for the test sets."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import InputError, MissingFileError
from ..glue.results import write_submission
from ..glue.settings import has_split
from ..glue.tasks import AX, GlueTask
from .kept_settings import BEST
from .predicting import predict_with_bar


def splits_to_predict(task: GlueTask, names: Iterable[str], data: Path) -> list[str]:
    """List the splits to predict.

    Args:
        task: the task.
        names: ``test`` for all test sets, ``ax`` for the diagnostic set.
        data: folder with the binarized task.

    Raises:
        MissingFileError: if the data do not include them.
        InputError: if the task has no diagnostic set.
    """
    splits = [split for split in task.predictions if (AX if split == AX else "test") in names]
    if AX in names and AX not in splits:
        raise InputError(
            f"{task.name} does not have the labels of GLUE's diagnostic set: pass --predict ax "
            "with --task MNLI"
        )
    for split in splits:
        if not has_split(data, split):
            file = "AX/AX.tsv" if split == AX else "the test files"
            raise MissingFileError(
                f"{data} has no {split} split: run cline-fairseq glue-preprocess with {file} in "
                "--glue-dir (and --overwrite)"
            )
    return splits


def write_test_files(task: GlueTask, data: Path, folder: Path, splits: Sequence[str]) -> None:
    """Predict test sets, and write the files for the leaderboard, unless they exist.

    Args:
        task: the task.
        data: folder with the binarized task.
        folder: folder of the run.
        splits: what :func:`splits_to_predict` returns.
    """
    from .binarized import load_classifier

    paths = [folder / "test" / task.predictions[split] for split in splits]
    if all(path.exists() for path in paths):
        return
    model, fairseq_task = load_classifier(folder / BEST, data)
    for split in splits:
        _, predicted = predict_with_bar(task, model, fairseq_task, data, split)
        print(write_submission(task, split, predicted, folder / "test"))
