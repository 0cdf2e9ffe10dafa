"""Files for GLUE's leaderboard: predictions for the test sets."""

from pathlib import Path

from ...errors import MissingFileError
from ..glue.results import write_submission
from ..glue.settings import has_split
from ..glue.tasks import GlueTask
from .kept_settings import BEST
from .predicting import predict_with_bar


def require_test(task: GlueTask, data: Path) -> None:
    """Require that the data include the test sets.

    Raises:
        MissingFileError: if they do not.
    """
    for split in task.leaderboard:
        if not has_split(data, split):
            raise MissingFileError(
                f"{data} has no {split} split: run glue-preprocess with the test files"
            )


def write_test_files(task: GlueTask, data: Path, folder: Path) -> None:
    """Predict the test sets, and write the files for the leaderboard.

    Args:
        task: the task.
        data: folder with the binarized task.
        folder: folder of the run.
    """
    from .binarized import load_classifier

    splits = list(task.leaderboard)
    paths = [folder / "test" / task.leaderboard[split] for split in splits]
    if all(path.exists() for path in paths):
        return
    model, fairseq_task = load_classifier(folder / BEST, data)
    for split in splits:
        _, predicted = predict_with_bar(task, model, fairseq_task, data, split)
        print(write_submission(task, split, predicted, folder / "test"))
