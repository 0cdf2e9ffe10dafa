"""How far counting gets: Hits of a rule that knows no meaning.

The rule says that the view which shares more words with the original is its synonym view.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..rewriting import split_words
from .bootstrap import Share, bootstrap_shares
from .triples import Triple


def shared_words_wins(triples: Sequence[Triple]) -> np.ndarray:
    """For which triples the rule is right: float (N,), one half in a tie."""
    difference = [
        _num_shared(t.original, t.synonym) - _num_shared(t.original, t.antonym) for t in triples
    ]
    return (np.sign(difference) + 1) / 2


def shared_words_share(triples: Sequence[Triple], resamples: int, seed: int = 1) -> Share:
    """The share of triples for which the rule is right, with its bootstrap interval."""
    wins = shared_words_wins(triples)[:, None]
    (share,) = bootstrap_shares(wins, np.ones_like(wins), resamples, seed)
    return share


def _num_shared(first, second):
    """How many words two texts share; a word that both have twice counts twice."""
    first, second = (Counter(map(str.lower, split_words(text))) for text in (first, second))
    return (first & second).total()
