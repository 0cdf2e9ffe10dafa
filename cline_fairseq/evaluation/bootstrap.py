"""Bootstrap intervals of means (Efron 1979), by percentiles."""

import numpy as np

RESAMPLES = 1000
_CHUNK = 1 << 23  # counts in memory at a time


def bootstrap_means(
    values: np.ndarray, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Where the means over examples may lie, if other examples of the kind had been drawn.

    All columns are of the same resampled examples. So are those of two calls with as many examples
    and the same seed.

    Args:
        values: float (N, ...), a row for each example.
        level: share of the resamples within the interval.
        resamples: how often N examples are drawn, with replacement.
        seed: of the draws.

    Returns:
        lower and upper ends, float64 (...).
    """
    count, shape = len(values), values.shape[1:]
    values = np.asarray(values, np.float64).reshape(count, -1)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    size = max(_CHUNK // count, 1)
    for start in range(0, resamples, size):
        drawn = [
            np.bincount(rng.integers(count, size=count), minlength=count)
            for _ in range(start, min(start + size, resamples))
        ]
        means[start : start + size] = np.stack(drawn) @ values / count
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low.reshape(shape), high.reshape(shape)
