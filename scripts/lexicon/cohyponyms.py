"""Nouns of another meaning that fit in the same places: coffee and tea, brother and cousin.

WordNet's co-hyponyms of abstract nouns have little in common. These are the nouns of one of
WordNet's fields (person, artifact, time, ...) that stand between the same words in the corpus
(slots.py) and are alike in GloVe, without a relation in WordNet that makes them near or opposite.
"""

import numpy as np
from tqdm import tqdm

from .candidates import Lemma, Link, Links, Relation
from .features import Resources, Table

MAX_RANK = 20_000  # in GloVe
MIN_COUNT = 30  # in the corpus
MIN_PART = 0.25  # of the noun, among the parts of speech of a word: better is hardly a noun
MIN_SLOTS, MIN_GLOVE, MIN_BOTH = 0.45, 0.45, 1.05  # cosines, and their sum
MIN_FIELD = 0.4  # P(same field) of both words
MAX_RATIO = 30  # of the counts of both words
MOST = 24  # alike words that are looked at
SHARPNESS = 8
# Of a co-hyponym as a substitute. People named 2 % of all siblings, and most of the rest of them
# were never thought of, so that the probabilities are low.
MAX_ACCEPTANCE = 0.005
_LINK = Link(0.0, 0.0, 0.0, 0.0)


def cohyponyms(links: Links, resources: Resources) -> Links:
    """The words most like each word that are neither near to it nor opposite."""
    found = {}
    words = [w for w in sorted(links) if w.pos == "NOUN" and _is_common(w, resources)]
    slots, glove = (space.table(words) for space in (resources.slots, resources.glove))
    for i, word in enumerate(tqdm(words, desc="co-hyponyms", unit="word")):
        alike = slots @ slots[i], glove @ glove[i]
        fit = (alike[0] > MIN_SLOTS) & (alike[1] > MIN_GLOVE)
        score = np.where(fit, alike[0] + alike[1], 0)
        ranked = [words[j] for j in np.argsort(-score, kind="stable") if score[j] > MIN_BOTH]
        fitting = [
            c
            for c in ranked[: 2 * MOST]
            if c != word
            and _are_comparable(word, c, resources)
            and not _related(word, c, links, resources)
        ]
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


def _are_comparable(word: Lemma, other: Lemma, resources: Resources) -> bool:
    """Whether two words are of one field, and about as frequent."""
    counts = sorted(map(resources.skipgram.count, (word, other)))
    in_field = resources.wordnet.same_field(word, other) >= MIN_FIELD
    return in_field and counts[1] <= MAX_RATIO * counts[0]


def _related(word, other, links, resources):
    """Whether WordNet relates two words in either direction, or has one of them below the other."""
    wordnet = resources.wordnet
    return (
        any(c == other for _, c in links[word])
        or any(c == word for _, c in links[other])
        or wordnet.is_below(word, other)
        or wordnet.is_below(other, word)
    )
