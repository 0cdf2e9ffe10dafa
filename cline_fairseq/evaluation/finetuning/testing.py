"""Predictions for the test file of a task, and their metrics if it has labels."""

from pathlib import Path
from typing import Any

from ..glue.metrics import compute_metrics
from ..glue.results import write_predictions, write_result
from .kept_settings import BEST
from .predicting import predict_with_bar
from .running import Experiment


def score_test(experiment: Experiment, folder: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Predict the test examples with the best checkpoint of a run, unless that is done.

    Args:
        experiment: the experiment, whose data have a test split.
        folder: folder of the run, to write predictions.test.tsv to.
        result: result of the run.

    Returns:
        the result, with the metrics if the examples have labels.
    """
    labels = experiment.data / "label"
    is_labelled = any((labels / name).is_file() for name in ("test.idx", "test.label"))
    path = folder / "predictions.test.tsv"
    if path.is_file() and is_labelled == ("test" in result["metrics"]):
        return result
    from .binarized import load_classifier

    model, fairseq_task = load_classifier(folder / BEST, experiment.data)
    gold, predicted = predict_with_bar(
        experiment.task, model, fairseq_task, experiment.data, "test"
    )
    write_predictions(path, gold, predicted)
    if gold is not None:
        metrics = compute_metrics(experiment.task, gold, predicted)
        result = {**result, "metrics": {**result["metrics"], "test": metrics}}
        write_result(folder, result)
    return result
