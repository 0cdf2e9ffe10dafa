"""Geometry of sentence vectors: alignment, uniformity, and distances between views.

Everything is measured on the unit sphere: only the direction of a vector counts.
"""

from typing import NamedTuple

import numpy as np

# Values that differ by less than this fraction are a tie: float32 cannot tell them apart.
TIE = 1e-6
ROWS = 1024  # rows of the distance matrix that are in memory at a time


class Distances(NamedTuple):
    """Distances in N triples, float64 (N,) each.

    Attributes:
        to_synonym: Euclidean distance between the original and its synonym view, 0 to 2.
        to_antonym: Euclidean distance between the original and its antonym view.
    """

    to_synonym: np.ndarray
    to_antonym: np.ndarray

    def alignment(self) -> np.ndarray:
        """Return the squared distances to synonym views, whose mean is the alignment.

        As in Wang & Isola (2020, arXiv 2005.10242) with alpha = 2: 0 if texts with the same meaning
        have the same direction; lower is better.
        """
        return self.to_synonym**2

    def closer(self) -> np.ndarray:
        """Return 1 where the synonym view is closer than the antonym view, 0.5 for ties, else 0.

        The mean is Hits by cosine, as the cosine is 1 - d^2 / 2 for a distance d on the sphere.
        """
        near, far = (1 - distance**2 / 2 for distance in self)
        difference = near - far
        is_tie = np.abs(difference) <= TIE * np.maximum(np.abs(near), np.abs(far))
        return np.where(is_tie, 0.5, difference > 0)

    def margin(self) -> np.ndarray:
        """Return how much farther the antonym view is than the synonym view."""
        return self.to_antonym - self.to_synonym


def unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors (N, C) to length 1, as float64; a zero vector stays zero."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def distances(original: np.ndarray, synonym: np.ndarray, antonym: np.ndarray) -> Distances:
    """Measure the distances in triples.

    Args:
        original: sentence vectors of the originals, float (N, C), of any length.
        synonym: the same for the synonym views.
        antonym: the same for the antonym views.
    """
    original = unit(original)
    return Distances(
        *(np.linalg.norm(original - unit(view), axis=1) for view in (synonym, antonym))
    )


def uniformity(vectors: np.ndarray, t: float = 2.0) -> float:
    """Measure how evenly sentences spread over the sphere (Wang & Isola 2020, arXiv 2005.10242).

    The logarithm of the mean of exp(-t d^2) over all pairs of different sentences: 0 if all are in
    one place; lower is better.

    Args:
        vectors: float (N, C) with N > 1.
        t: parameter of the Gaussian kernel; the paper uses 2.
    """
    vectors, total = unit(vectors), 0.0
    count = len(vectors)
    for start in range(0, count, ROWS):
        rows = vectors[start : start + ROWS]
        squared = 2 - 2 * rows @ vectors[start:].T
        later = np.triu(
            np.ones(squared.shape, bool), 1
        )  # each pair once, and no sentence with itself
        total += np.exp(-t * np.maximum(squared[later], 0)).sum()
    return float(np.log(total / (count * (count - 1) / 2)))
