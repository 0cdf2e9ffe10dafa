"""Intervals against a plain loop, and how often they hold the truth."""

import numpy as np
import pytest

from cline_fairseq.evaluation import bootstrap
from cline_fairseq.evaluation.bootstrap import bootstrap_means


@pytest.mark.parametrize("chunk", [50, 1 << 23])
def test_intervals_are_those_of_a_plain_loop(monkeypatch, chunk):
    monkeypatch.setattr(bootstrap, "_CHUNK", chunk)
    values = np.random.default_rng(0).normal(size=(23, 2, 3))
    low, high = bootstrap_means(values, 0.9, 101, seed=3)
    assert low.shape == high.shape == (2, 3)
    rng = np.random.default_rng(3)
    means = []
    for _ in range(101):
        drawn = rng.integers(23, size=23)
        means.append(sum(values[i] for i in drawn) / 23)
    expected = np.quantile(means, [0.05, 0.95], axis=0)
    np.testing.assert_allclose([low, high], expected)
    again = bootstrap_means(values[:, 0, 1], 0.9, 101, seed=3)
    np.testing.assert_allclose(again, [low[0, 1], high[0, 1]])


def test_coverage():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        low, high = bootstrap_means(rng.random(100) < 0.7, resamples=200, seed=seed)
        held += low <= 0.7 <= high
    assert 180 <= held <= 198
