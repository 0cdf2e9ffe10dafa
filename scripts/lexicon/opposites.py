"""Which opposites are drawn for a word, and how often.

Those of its usual senses. WordNet's sense counts come from few texts, and miss that a loss is
mostly the opposite of a gain: a direct antonym that fills the same slots serves, however few of the
counted senses have it. The fewer steps lead to an opposite, the less is asked of it.
"""

import numpy as np

from cline_fairseq.rewriting.kinds import Kind

from .candidates import OPPOSITE, Lemma, Link, Relation
from .features import Resources
from .transitivity import Transitivity
from .unfit import Unfit
from .weights import Weights, WordLinks, weigh

COMMON_RANK, COMMON_COUNT = 50_000, 20  # in GloVe and in the corpus
KNOWN_RANK = 200_000  # in GloVe, of a rare word that people still know: uninteresting
# P(sense | word) of the senses that have an opposite, at least, and how alike it must be; any of
# the pairs is enough.
DIRECT = ((0.15, -1.0), (0.0, 0.6))
INDIRECT = ((0.35, 0.3), (0.15, 0.5))
RARE_DIRECT = ((0.3, 0.05),)
RARE_INDIRECT = ((0.5, 0.25),)
SHARPNESS = 4  # of alikeness, where there are several


class Opposites:
    """Chooses among the direct and indirect antonyms of words.

    Args:
        resources: where frequencies and vectors come from.
        transitivity: of verbs and their opposites.
        unfit: which pairs are left out.
    """

    def __init__(self, resources: Resources, transitivity: Transitivity, unfit: Unfit):
        self._glove, self._skipgram, self._slots = resources[1:]
        self._transitivity, self._unfit = transitivity, unfit

    def weights(self, word: Lemma, links: WordLinks) -> Weights:
        """Direct and indirect antonyms in one list, by the share of the senses that have them."""
        direct = {c for relation, c in links if relation == Relation.ANTONYM}
        scores = {
            c: self._score(word, c, link)
            for (relation, c), link in links.items()
            if relation in OPPOSITE and self._fits(word, c, link, c in direct)
        }
        return {
            (Kind.ANTONYM if c in direct else Kind.INDIRECT_ANTONYM, c): weight
            for c, weight in weigh(scores).items()
        }

    def alike(self, word: Lemma, other: Lemma) -> float:
        """The mean cosine in GloVe and by slots; 0 for one that is missing."""
        return (_cosine(self._glove, word, other) + _cosine(self._slots, word, other)) / 2

    def _score(self, word: Lemma, other: Lemma, link: Link) -> float:
        score = link.there * link.back**0.5 * float(np.exp(SHARPNESS * self.alike(word, other)))
        return score * self._transitivity.fits(word, other) * self._unfit.far(word, other)

    def _fits(self, word: Lemma, other: Lemma, link: Link, direct: bool) -> bool:
        is_phrase = " " in other.text
        rank, count = self._glove.rank(other), self._skipgram.count(other)
        if rank < COMMON_RANK and (is_phrase or count >= COMMON_COUNT):
            pairs = DIRECT if direct else INDIRECT
        elif rank < KNOWN_RANK:
            pairs = RARE_DIRECT if direct else RARE_INDIRECT
        else:
            return False
        if is_phrase:  # its vector is a mean, which is like most words
            return direct and link.there >= pairs[0][0]
        alike = self.alike(word, other)
        return any(link.there >= there and alike >= least for there, least in pairs)


def _cosine(space, word, other):
    a, b = space.of(word), space.of(other)
    return 0.0 if a is None or b is None else float(a @ b)
