"""Co-hyponyms: words of another meaning of the same sort (coffee, tea; three, four)."""

from collections.abc import Callable

import numpy as np

from .candidates import Lemma, Link, Links, Relation
from .features import Features

MAX_RANK = 30_000  # in GloVe
MIN_COSINE = 0.35  # in GloVe; siblings that are less alike make nonsense of a sentence
MAX_ACCEPTANCE = 0.02  # of a sibling as a substitute


def siblings(links: Links, features: Features) -> Links:
    """The siblings of nouns that are neither near to them nor opposites."""
    wordnet, glove = features.resources.wordnet, features.resources.glove
    found = {}
    for noun in sorted(links):
        if noun.pos != "NOUN" or glove.rank(noun) >= MAX_RANK:
            continue
        related = {candidate for _, candidate in links[noun]} | wordnet.below(noun)
        found[noun] = {
            (relation, c): link
            for (relation, c), link in wordnet.siblings_of(noun).items()
            if glove.rank(c) < MAX_RANK and c not in related
            if not any(other == noun for _, other in links.get(c, ()))
            if glove.of(noun) @ glove.of(c) > MIN_COSINE
        }
    return {noun: them for noun, them in found.items() if them}


def cohyponym_scores(
    noun: Lemma,
    links: dict[tuple[Relation, Lemma], Link],
    features: Features,
    acceptance: Callable[[np.ndarray], np.ndarray] | None,
) -> dict[Lemma, float]:
    """How fit siblings are as co-hyponyms; those that people might accept are left out."""
    candidates, table = features.of(noun, links)
    cosine = table[:, features.names.index("glove")]
    share = [links[Relation.SIBLING, c].there * links[Relation.SIBLING, c].back for c in candidates]
    fit = np.ones(len(candidates), bool)
    if acceptance is not None:
        fit = acceptance(table) < MAX_ACCEPTANCE
    scores = np.array(share) * np.exp(4 * cosine) * fit
    return {c: s for c, s in zip(candidates, scores.tolist(), strict=True) if s > 0}
