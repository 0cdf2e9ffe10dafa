"""Co-hyponyms: words of another meaning of the same sort (coffee, tea; three, four)."""

import numpy as np

from .candidates import Links
from .features import Resources, Table

MAX_RANK = 30_000  # in GloVe
MIN_COSINE = 0.35  # in GloVe; siblings that are less alike make nonsense of a sentence
MAX_ACCEPTANCE = 0.02  # of a sibling as a substitute


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
    """Scores of siblings; 0 for those that people might accept as substitutes."""
    shares = np.exp(table.column("both_ways") + 4 * table.column("glove"))
    return np.where(acceptance < MAX_ACCEPTANCE, shares, 0)
