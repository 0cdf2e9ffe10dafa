"""Predictions of a fine-tuned checkpoint for whole splits, and their metrics."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from ..glue.metrics import compute_metrics
from ..glue.results import Labels, clip_scores, write_predictions
from ..glue.settings import has_split, num_examples
from ..glue.tasks import TextTask
from .kept_settings import BEST

if TYPE_CHECKING:
    from .binarized import Predictions


def label_predictions(
    text_task: TextTask, task: Any, predictions: "Predictions"
) -> tuple[Labels | None, Labels]:
    """Name the classes of predictions.

    Args:
        text_task: the task.
        task: fairseq's task, with the dictionary of labels.
        predictions: predictions for a split.

    Returns:
        gold labels (None: the split has none) and predicted labels; numbers for regression.
    """
    from ...checkpoint import label_names

    if text_task.is_regression:
        return predictions.gold, clip_scores(predictions.scores, text_task.score_range)
    predicted = label_names(task, predictions.scores.argmax(1))
    gold = None if predictions.gold is None else label_names(task, predictions.gold)
    return gold, predicted


def predict_with_bar(
    text_task: TextTask, model: Any, task: Any, data: Path, split: str
) -> tuple[Labels | None, Labels]:
    """Predict a split with a progress bar.

    Args:
        text_task: the task.
        model: the classifier.
        task: fairseq's task.
        data: folder with the binarized task.
        split: name of the split.

    Returns:
        as :func:`label_predictions`.
    """
    from .binarized import predict_split

    with tqdm(total=num_examples(data, split), unit=" texts", desc=split) as bar:
        predictions = predict_split(model, task, split, progress=bar.update)
    return label_predictions(text_task, task, predictions)


def evaluate(text_task: TextTask, data: Path, folder: Path) -> dict[str, Any]:
    """Score the best checkpoint on the whole dev sets, and write its predictions.

    Args:
        text_task: the task.
        data: folder with the binarized task.
        folder: folder of the run.

    Returns:
        metrics, keyed by split.
    """
    from .binarized import load_classifier

    model, task = load_classifier(folder / BEST, data)
    metrics = {}
    for split in text_task.valid_splits:
        if has_split(data, split):
            gold, predicted = predict_with_bar(text_task, model, task, data, split)
            write_predictions(folder / f"predictions.{split}.tsv", gold, predicted)
            assert gold is not None
            metrics[split] = compute_metrics(text_task, gold, predicted)
    return metrics
