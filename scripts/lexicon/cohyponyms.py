"""Words of another meaning that fit in the same places: coffee and tea, to arrive and to return.

WordNet's co-hyponyms of abstract nouns have little in common. These are the words that stand
between the same words in the corpus (slots.py) and are alike in GloVe, without a relation in
WordNet that makes them near or opposite.
"""

import numpy as np
from tqdm import tqdm

from .candidates import Lemma, Link, Links, Relation
from .features import Resources, Table

MAX_RANK = 20_000  # in GloVe
MIN_COUNT = 50  # in the corpus
MIN_PART = 0.25  # of its part of speech, among those of a word: better is hardly a verb
MIN_SLOTS = {"NOUN": 0.5, "VERB": 0.6, "ADJ": 0.5}  # least cosines
MIN_GLOVE = 0.45
MOST = 24  # alike words that are looked at
SHARPNESS = 8
# Of a co-hyponym as a substitute. People named 2 % of all siblings, and most of the rest of them
# were never thought of, so that the probabilities are low.
MAX_ACCEPTANCE = 0.005
_LINK = Link(0.0, 0.0, 0.0, 0.0)


def cohyponyms(links: Links, resources: Resources) -> Links:
    """The words most like each word that are neither near to it nor opposite."""
    found = {}
    for pos in MIN_SLOTS:
        words = [word for word in sorted(links) if word.pos == pos and _is_common(word, resources)]
        slots, glove = (space.table(words) for space in (resources.slots, resources.glove))
        for i, word in enumerate(tqdm(words, desc="co-hyponyms", unit="word")):
            alike = slots @ slots[i], glove @ glove[i]
            fit = (alike[0] > MIN_SLOTS[pos]) & (alike[1] > MIN_GLOVE)
            score = np.where(fit, alike[0] + alike[1], 0)
            ranked = [words[j] for j in np.argsort(-score, kind="stable")[: 2 * MOST] if score[j]]
            fitting = [c for c in ranked if c != word and not _related(word, c, links, resources)]
            if fitting:
                found[word] = {(Relation.COHYPONYM, c): _LINK for c in fitting[:MOST]}
    return found


def by_similarity(table: Table, acceptance: np.ndarray | float) -> np.ndarray:
    """Scores of co-hyponyms; 0 for those that people might accept, or that are rare."""
    score = np.exp(SHARPNESS * (table.column("slots") + table.column("glove")))
    return np.where((acceptance < MAX_ACCEPTANCE) & ~np.isnan(score), score, 0)


def _is_common(word: Lemma, resources: Resources) -> bool:
    """Whether a word is frequent, and has its part of speech often enough to be recognized."""
    if resources.glove.rank(word) >= MAX_RANK or resources.slots.of(word) is None:
        return False
    count = [
        resources.skipgram.count(Lemma(word.text, pos)) for pos in ("NOUN", "VERB", "ADJ", "ADV")
    ]
    own = resources.skipgram.count(word)
    return own >= MIN_COUNT and own >= MIN_PART * sum(count)


def _related(word, other, links, resources):
    """Whether WordNet relates two words in either direction, or has one of them below the other."""
    wordnet = resources.wordnet
    return (
        any(c == other for _, c in links[word])
        or any(c == word for _, c in links[other])
        or wordnet.is_below(word, other)
        or wordnet.is_below(other, word)
    )
