"""GLUE's metrics, computed over all examples of a split at once."""

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ...errors import InputError
from .tasks import TextTask

POSITIVE = "1"  # the positive class of F1


def compute_metrics(
    task: TextTask, gold: Sequence[str] | np.ndarray, predicted: Sequence[str] | np.ndarray
) -> dict[str, float | None]:
    """Compute the metrics of a task, from 0 to 1, or from -1 to 1 for correlations.

    Args:
        task: the task.
        gold: (N,) labels, or floats for regression.
        predicted: (N,) predicted labels, or floats for regression.

    Returns:
        values, keyed by metric; None if a metric is undefined, as the correlation with predictions
        that are all the same.

    Raises:
        InputError: if scikit-learn or scipy is missing.
        ValueError: if the numbers of labels and predictions differ, or are 0.
    """
    if len(gold) != len(predicted) or not len(gold):
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} labels")
    functions = _functions()
    gold, predicted = np.asarray(gold), np.asarray(predicted)
    values = {name: float(functions[name](gold, predicted)) for name in task.metrics}
    return {name: None if np.isnan(value) else value for name, value in values.items()}


def _functions() -> dict[str, Callable]:
    try:
        from scipy import stats
        from sklearn import metrics
    except ImportError:
        raise InputError(
            "GLUE's metrics need scikit-learn and scipy; install them with: "
            "pip install 'cline-fairseq[glue]'"
        ) from None

    def correlation(function):
        def correlate(gold, predicted):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", stats.ConstantInputWarning)
                return function(gold, predicted).statistic

        return correlate

    return {
        "accuracy": metrics.accuracy_score,
        "f1": lambda gold, predicted: metrics.f1_score(
            gold, predicted, pos_label=POSITIVE, zero_division=0.0
        ),
        "macro_f1": lambda gold, predicted: metrics.f1_score(
            gold, predicted, average="macro", zero_division=0.0
        ),
        "matthews": metrics.matthews_corrcoef,
        "pearson": correlation(stats.pearsonr),
        "spearman": correlation(stats.spearmanr),
    }
