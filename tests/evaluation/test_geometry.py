"""Alignment, uniformity and separation against plain loops."""

import math
from itertools import combinations

import numpy as np
import pytest

from cline_fairseq.evaluation import geometry


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector]


@pytest.fixture
def vectors():
    return np.random.default_rng(0).normal(size=(3, 40, 6)).astype(np.float32) + 0.5


@pytest.mark.parametrize("rows", [7, 1024])
def test_uniformity(vectors, monkeypatch, rows):
    monkeypatch.setattr(geometry, "ROWS", rows)
    points = [unit(v) for v in vectors[0].tolist()]
    kernel = [math.exp(-2 * math.dist(u, v) ** 2) for u, v in combinations(points, 2)]
    expected = math.log(sum(kernel) / len(kernel))
    assert geometry.uniformity(vectors[0]) == pytest.approx(expected)
    assert geometry.uniformity(np.ones((5, 3))) == pytest.approx(0, abs=1e-9)


def test_distances(vectors):
    found = geometry.distances(*vectors)
    points = [[unit(v) for v in part] for part in vectors.tolist()]
    for i, (original, synonym, antonym) in enumerate(zip(*points, strict=True)):
        near, far = math.dist(original, synonym), math.dist(original, antonym)
        assert found.to_synonym[i] == pytest.approx(near)
        assert found.alignment()[i] == pytest.approx(near**2)
        assert found.margin()[i] == pytest.approx(far - near)
        assert found.closer()[i] == (near < far)
    assert (geometry.distances(vectors[0], vectors[1], vectors[1]).closer() == 0.5).all()
    moved = vectors[0] * np.float32(1 + 1e-7)
    assert (geometry.distances(vectors[0], moved, vectors[0]).closer() == 0.5).all()
