"""Confidence intervals of shares, by the bootstrap (Efron 1979)."""

from typing import NamedTuple

import numpy as np

LEVEL = 0.95
_CHUNK = 1 << 22  # numbers drawn at a time


class Share(NamedTuple):
    """A share with its interval, from 0 to 1."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """Plain values."""
        return self._asdict()

    def __str__(self) -> str:
        """In percent, with one digit behind the point."""
        value, low, high = (100 * number for number in self)
        return f"{value:.1f} ({low:.1f} to {high:.1f})"


def bootstrap_shares(
    counts: np.ndarray, totals: np.ndarray, resamples: int = 10_000, seed: int = 1
) -> list[Share]:
    """Shares over units that are drawn anew, with replacement.

    The percentile interval: the middle 95 % of the shares of all resamples. The shares are
    resampled together, so that their intervals are of the same draws.

    Args:
        counts: (units, shares): what there is of each unit.
        totals: (units, shares): what there could be, above 0.
        resamples: how often the units are drawn.
        seed: of the draws.

    Returns:
        for each column the sum of the counts over that of the totals.

    Raises:
        ValueError: if there are no units.
    """
    counts, totals = np.asarray(counts, float), np.asarray(totals, float)
    units = len(counts)
    if not units:
        raise ValueError("no units to draw from")
    rng = np.random.default_rng(seed)
    at_once = max(_CHUNK // units, 1)
    drawn = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        # How often each unit is drawn.
        weights = rng.multinomial(units, np.full(units, 1 / units), size).astype(float)
        drawn.append(weights @ counts / (weights @ totals))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(np.concatenate(drawn), [tail, 100 - tail], axis=0)
    values = counts.sum(0) / totals.sum(0)
    return [Share(*map(float, share)) for share in zip(values, low, high, strict=True)]
