"""Co-hyponyms: words of another meaning of the same sort (coffee, tea; three, four)."""

import numpy as np

from .candidates import Links
from .features import Resources, Table

MAX_RANK = 30_000  # in GloVe
MIN_COSINE = 0.35  # in GloVe; siblings that are less alike make nonsense of a sentence
# Of a sibling as a substitute. People named 2 % of all siblings, and most of the rest of them were
# never thought of, so that the probabilities are low.
MAX_ACCEPTANCE = 0.005


def siblings(links: Links, resources: Resources) -> Links:
    """The siblings of nouns that are neither near to them nor opposites."""
    wordnet, glove = resources.wordnet, resources.glove
    found = {}
    for noun in sorted(links):
        if noun.pos != "NOUN" or glove.rank(noun) >= MAX_RANK:
            continue
        related = {candidate for _, candidate in links[noun]}
        found[noun] = {
            (relation, c): link
            for (relation, c), link in wordnet.siblings_of(noun).items()
            if glove.rank(c) < MAX_RANK and c not in related
            if not any(other == noun for _, other in links.get(c, ()))
            if glove.of(noun) @ glove.of(c) > MIN_COSINE and not wordnet.is_below(c, noun)
        }
    return {noun: them for noun, them in found.items() if them}


def by_similarity(table: Table, acceptance: np.ndarray | float) -> np.ndarray:
    """Scores of siblings; 0 for those that people might accept, or that are rare."""
    cosine = table.column("cosine")  # NaN for words that the corpus hardly has
    return np.where((acceptance < MAX_ACCEPTANCE) & (cosine > -1), np.exp(4 * cosine), 0)
