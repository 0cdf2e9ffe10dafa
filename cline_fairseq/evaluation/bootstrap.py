"""Bootstrap confidence intervals of fractions and means (Efron 1979)."""

from typing import NamedTuple

import numpy as np

LEVEL = 0.95
_CHUNK = 1 << 22  # numbers drawn at a time


class Share(NamedTuple):
    """A fraction from 0 to 1, or another mean, with its confidence interval."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """The numbers as plain values."""
        return self._asdict()

    def __str__(self) -> str:
        """Percentages with one decimal."""
        value, low, high = (100 * number for number in self)
        return f"{value:.1f} ({low:.1f} to {high:.1f})"


def bootstrap_shares(
    counts: np.ndarray, totals: np.ndarray, resamples: int = 10_000, seed: int = 1
) -> list[Share]:
    """Compute ratios of sums with percentile intervals: the middle 95 % over all resamples.

    A resample draws units with replacement. All columns are resampled together, so that their
    intervals are based on the same draws.

    Args:
        counts: numerators, (units, columns), e.g. the number of right predictions in each unit.
        totals: denominators, (units, columns), above 0, e.g. the number of predictions.
        resamples: number of resamples.
        seed: random seed.

    Returns:
        for each column, the sum of the counts divided by the sum of the totals.

    Raises:
        ValueError: if there are no units.
    """
    counts, totals = np.asarray(counts, float), np.asarray(totals, float)
    units = len(counts)
    if not units:
        raise ValueError("expected at least one unit to draw from")
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
