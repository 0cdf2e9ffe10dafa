"""Operations on arrays that hold the items of many texts, one text after the other.

``text_ids`` names the text of each item and is always in ascending order. No result for a text
depends on the other texts in the array.
"""

from collections.abc import Sequence

import numpy as np

_PRIORITY_BITS = 40


def draw_uniform(
    generators: Sequence[np.random.Generator], shape: tuple[int, ...], counts: Sequence[int]
) -> np.ndarray:
    """Draw the random numbers of each text from its own generator.

    Args:
        generators: one for each text.
        shape: leading dimensions of the result.
        counts: how many items each text has.

    Returns:
        float64 (\\*shape, sum(counts)) in [0, 1).
    """
    drawn = [g.random((*shape, n)) for g, n in zip(generators, counts, strict=True)]
    return np.concatenate(drawn, axis=-1)


def random_order(text_ids: np.ndarray, tier: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Indices that sort items by text, then by tier, then by priority.

    Priorities are rounded to 40 bits, and the sort is stable. So the order within a text is the
    same whatever other texts are in the array.

    Args:
        text_ids: int (N,).
        tier: int or bool (N,), 0 to 3.
        priority: float (N,), random numbers in [0, 1); the smallest comes first.

    Returns:
        int (N,).
    """
    key = (text_ids.astype(np.int64) << (_PRIORITY_BITS + 2)) | (
        tier.astype(np.int64) << _PRIORITY_BITS
    )
    return np.argsort(key | (priority * (1 << _PRIORITY_BITS)).astype(np.int64), kind="stable")


def first_in_text(text_ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mark the first item of each text among those in the mask: bool (N,)."""
    index = np.flatnonzero(mask)
    first = np.zeros(len(mask), bool)
    first[index[np.diff(text_ids[index], prepend=-1) != 0]] = True
    return first


def cumsum_from_start(values: np.ndarray, text_ids: np.ndarray, num_texts: int) -> np.ndarray:
    """Sum the values from the start of each text up to each item: (N,)."""
    sums = np.cumsum(values)
    starts = np.searchsorted(text_ids, np.arange(num_texts))
    before = np.concatenate([[0], sums])[starts]
    return sums - before[text_ids]


def cumsum_to_end(values: np.ndarray, text_ids: np.ndarray, num_texts: int) -> np.ndarray:
    """Sum the values from each item to the end of its text: (N,)."""
    totals = np.bincount(text_ids, values, minlength=num_texts).astype(np.int64)
    return totals[text_ids] - cumsum_from_start(values, text_ids, num_texts) + values
