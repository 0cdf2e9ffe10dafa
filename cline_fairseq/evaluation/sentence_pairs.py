"""Pairs of sentences that people have scored for how similar their meaning is."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .labelled_text import read_rows

_LEAST = 3  # pairs, for a correlation


class ScoredPair(NamedTuple):
    """Two sentences and the similarity of their meaning."""

    first: str
    second: str
    score: float


def read_scored_pairs(path: Path, columns: Sequence[str], quoting: str = "csv") -> list[ScoredPair]:
    """Read scored pairs of sentences.

    Args:
        path: a file that :func:`~.labelled_text.read_rows` reads.
        columns: names of the columns with the first sentence, the second one and the score.
        quoting: quoting of fields in a TSV or CSV file; see :func:`~.labelled_text.read_rows`.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if a row or a column is malformed, if there are fewer than three pairs, or if
            all have the same score.
    """
    pairs = []
    for where, row in read_rows(path, quoting):
        values = []
        for name, option in zip(columns, ("text", "text2", "score"), strict=True):
            value = row.get(name)
            if value is None:
                raise InputError(
                    f"{where}: no {name!r} among {', '.join(map(repr, row))}: specify with "
                    f"--{option}-column which column it is"
                )
            values.append(value if isinstance(value, str) else json.dumps(value))
        pairs.append(ScoredPair(values[0], values[1], _number(where, values[2])))
    if len({pair.score for pair in pairs}) < 2 or len(pairs) < _LEAST:
        raise InputError(
            f"{path} has {len(pairs):,} pairs: expected at least {_LEAST}, with different scores"
        )
    return pairs


def _number(where, text):
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: the score {text!r} is not a number")
    return number


def ranks(values: np.ndarray) -> np.ndarray:
    """Rank values from 0, equal values by the mean of their ranks; float64 (N,)."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Compute Spearman's rank correlation of N numbers; NaN if all of one are equal."""
    return correlation_of_ranks(ranks(one), ranks(other))


def correlation_of_ranks(one: np.ndarray, other: np.ndarray) -> float:
    """Compute Pearson's correlation of N ranks each; NaN if all of one are equal."""
    a, b = (r - r.mean() for r in (one, other))
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size else math.nan
