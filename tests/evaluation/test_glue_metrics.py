"""Metrics against loops that follow their definitions, and against scikit-learn and scipy."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from cline_fairseq.evaluation.glue.metrics import compute_metrics
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS


def counts(gold, predicted):
    pairs = list(zip(gold, predicted, strict=True))
    return [pairs.count((g, p)) for g, p in (("1", "1"), ("0", "0"), ("0", "1"), ("1", "0"))]


def ranks(values):
    """Ranks from 1, equal values with the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def pearson(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    variances = sum((a - mean_x) ** 2 for a in x) * sum((b - mean_y) ** 2 for b in y)
    return covariance / math.sqrt(variances)


@pytest.mark.parametrize("seed", range(5))
def test_classification(seed):
    rng = np.random.default_rng(seed)
    gold = rng.choice(["0", "1"], 57, p=[0.7, 0.3]).tolist()
    predicted = [g if rng.random() < 0.7 else str(rng.integers(2)) for g in gold]
    tp, tn, fp, fn = counts(gold, predicted)
    accuracy, f1 = (tp + tn) / 57, 2 * tp / (2 * tp + fp + fn)
    matthews = (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert compute_metrics(GLUE_TASKS["MRPC"], gold, predicted) == pytest.approx(
        {"f1": f1, "accuracy": accuracy}
    )
    assert compute_metrics(GLUE_TASKS["CoLA"], gold, predicted) == pytest.approx(
        {"matthews": matthews}
    )
    numbers = [int(g) for g in gold], [int(p) for p in predicted]
    assert f1 == pytest.approx(sklearn_metrics.f1_score(*numbers))
    assert matthews == pytest.approx(sklearn_metrics.matthews_corrcoef(*numbers))
    assert compute_metrics(GLUE_TASKS["SST-2"], gold, predicted) == pytest.approx(
        {"accuracy": accuracy}
    )


@pytest.mark.parametrize("seed", range(5))
def test_regression(seed):
    rng = np.random.default_rng(seed)
    gold = np.round(rng.uniform(0, 5, 40), 0)  # with ties
    predicted = np.clip(gold + rng.normal(0, 1, 40), 0, 5)
    expected = {
        "pearson": pearson(gold.tolist(), predicted.tolist()),
        "spearman": pearson(ranks(gold.tolist()), ranks(predicted.tolist())),
    }
    assert compute_metrics(GLUE_TASKS["STS-B"], gold, predicted) == pytest.approx(expected)
    assert expected["pearson"] == pytest.approx(stats.pearsonr(gold, predicted)[0])
    assert expected["spearman"] == pytest.approx(stats.spearmanr(gold, predicted)[0])


def test_constant_predictions():
    """They have no correlation, and a Matthews correlation of 0 by its convention."""
    gold = ["0", "1", "1"]
    assert compute_metrics(GLUE_TASKS["CoLA"], gold, ["1"] * 3) == {"matthews": 0}
    assert compute_metrics(GLUE_TASKS["QQP"], gold, ["0"] * 3) == {
        "f1": 0,
        "accuracy": pytest.approx(1 / 3),
    }
    found = compute_metrics(GLUE_TASKS["STS-B"], np.array([1.0, 2, 3]), np.zeros(3))
    assert found == {"pearson": None, "spearman": None}


def test_whole_splits_only():
    with pytest.raises(ValueError, match="2 predictions for 3 labels"):
        compute_metrics(GLUE_TASKS["RTE"], ["entailment"] * 3, ["entailment"] * 2)
