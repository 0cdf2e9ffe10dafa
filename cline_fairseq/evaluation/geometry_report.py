"""Alignment, uniformity and Hits of sentence vectors, with intervals; checkpoints side by side."""

import math
from collections.abc import Mapping

import numpy as np

from ..runtime.markdown import markdown_table
from .bootstrap import Share, bootstrap_shares
from .geometry import distances, uniformity

_PERCENT = ("closer", "shared_words")  # the other rows are no shares


def geometry_statistics(
    vectors: np.ndarray, resamples: int = 10_000, seed: int = 1
) -> dict[str, Share]:
    """Measure alignment, uniformity and Hits of sentence vectors.

    Args:
        vectors: float (3, N, C), the vectors of originals, synonym views and antonym views.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.

    Returns:
        ``alignment``, ``uniformity``, ``closer`` and ``margin``. Uniformity, which is about pairs
        of sentences, has no interval: its ends are NaN, and so is its value for a single sentence.
    """
    found = distances(*vectors)
    columns = np.stack([found.alignment(), found.closer(), found.margin()], axis=1)
    alignment, closer, margin = bootstrap_shares(columns, np.ones_like(columns), resamples, seed)
    value = uniformity(vectors[0]) if vectors.shape[1] > 1 else math.nan
    return {
        "alignment": alignment,
        "uniformity": Share(value, math.nan, math.nan),
        "closer": closer,
        "margin": margin,
    }


def geometry_table(statistics: Mapping[str, Mapping[str, Share]]) -> str:
    """Compare checkpoints side by side in a Markdown table.

    Args:
        statistics: the statistics of each checkpoint, keyed by its name; all have the same rows.
    """
    names = next(iter(statistics.values()))
    rows = [(name, *(_cell(name, s[name]) for s in statistics.values())) for name in names]
    return markdown_table((None, *statistics), rows)


def geometry_values(statistics: Mapping[str, Share]) -> dict[str, dict[str, float | None]]:
    """The statistics of a checkpoint as plain values, with None instead of NaN."""
    return {
        name: {key: None if math.isnan(v) else v for key, v in share.as_dict().items()}
        for name, share in statistics.items()
    }


def _cell(name, share):
    if name in _PERCENT:
        return str(share)
    if math.isnan(share.low):
        return "" if math.isnan(share.value) else f"{share.value:.3f}"
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"
