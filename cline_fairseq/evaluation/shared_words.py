"""A baseline that knows no meaning: Hits of counting shared words.

The view that shares more words with the original is taken for its synonym view.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..rewriting import split_words
from .bootstrap import Share, bootstrap_shares
from .triples import Triple


def shared_words_wins(triples: Sequence[Triple]) -> np.ndarray:
    """Return 1 for triples where counting is right, 0.5 for ties, else 0: float (N,)."""
    difference = [
        _num_shared(t.original, t.synonym) - _num_shared(t.original, t.antonym) for t in triples
    ]
    return (np.sign(difference) + 1) / 2


def shared_words_share(triples: Sequence[Triple], resamples: int, seed: int = 1) -> Share:
    """Return the fraction of triples where counting is right, with its bootstrap interval.

    Args:
        triples: at least one.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    wins = shared_words_wins(triples)[:, None]
    (share,) = bootstrap_shares(wins, np.ones_like(wins), resamples, seed)
    return share


def _num_shared(first, second):
    """Count the words that two texts share; a word that both have twice counts twice."""
    first, second = (Counter(map(str.lower, split_words(text))) for text in (first, second))
    return (first & second).total()
