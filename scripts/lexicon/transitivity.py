"""Whether a verb can stand where another one does: with an object, without one, with a clause."""

from collections import Counter

from .candidates import Lemma, WordNet

# The numbers of WordNet's verb frames (wnintro, WordNet 3.0): somebody ----s something, ...
_FRAMES = {
    "object": {5, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 24, 25, 30, 31},
    "no object": {1, 2, 3, 4, 6, 7, 12, 13, 22, 23, 27, 35},
    "clause": {26, 28, 29, 32, 33, 34},
}
USUAL = 0.05  # P(sense | verb) of a sense that a candidate may be used in, at least
LEAST = 0.25  # of a verb's uses that a candidate must share


class Transitivity:
    """How much of the use of a verb others share, by WordNet's frames of their senses."""

    def __init__(self, wordnet: WordNet):
        self._wordnet = wordnet
        self._senses: dict[Lemma, list[tuple[set[str], float]]] = {}

    def shared(self, word: Lemma, candidate: Lemma) -> float:
        """P(use | word) of the uses that the candidate has, too; 1 for other parts of speech."""
        if word.pos != "VERB":
            return 1.0
        found: Counter[str] = Counter()
        for uses, p in self._uses(word):
            for use in uses:
                found[use] += p / len(uses)
        usual = [uses for uses, p in self._uses(candidate) if p >= USUAL]
        return sum(found[use] for use in set().union(*usual)) if found and usual else 1.0

    def fits(self, word: Lemma, candidate: Lemma) -> bool:
        """Whether the candidate shares enough of the uses of the word to stand for it."""
        return self.shared(word, candidate) >= LEAST

    def _uses(self, lemma):
        if lemma not in self._senses:
            self._senses[lemma] = [
                (uses, p)
                for sense, p in self._wordnet.senses(lemma)
                if (uses := _uses_of({*sense.frame_ids(), *sense.synset().frame_ids()}))
            ]
        return self._senses[lemma]


def _uses_of(frames):
    return {use for use, numbers in _FRAMES.items() if not numbers.isdisjoint(frames)}
