"""What the model of acceptance knows of a word and a candidate."""

from typing import NamedTuple

import numpy as np

from .candidates import NEAR, Lemma, Link, Relation, WordNet
from .vectors import GloVe, SkipGram

_POS = ("NOUN", "VERB", "ADJ", "ADV")
_NO_LINK = Link(0.0, 0.0, 0.0, 0.0)
_LEAST = 1e-4  # of probabilities, before their logarithm is taken


class Resources(NamedTuple):
    """Where the features come from."""

    wordnet: WordNet
    glove: GloVe
    skipgram: SkipGram


class Features:
    """Features of the candidates that some relations lead to.

    Attributes:
        names: of the columns that :meth:`of` computes.
    """

    _OTHERS = (
        *("there", "back", "both_ways", "frames"),
        *("senses", "candidate_senses", "number_of_candidates"),
        *("glove", "skipgram", "mean_cosine"),
        *("glove_below_best", "skipgram_below_best", "share_below_best"),
        *("rank", "candidate_rank", "count", "candidate_count", "words", "hyphens", "prefix"),
        *(pos.lower() for pos in _POS),
    )

    def __init__(self, resources: Resources, relations: tuple[Relation, ...] = NEAR):
        self.resources, self.relations = resources, relations
        parts = ("share", "there", "back")
        self.names = tuple(f"{r.name.lower()}_{part}" for r in relations for part in parts)
        self.names += self._OTHERS

    def of(
        self, word: Lemma, links: dict[tuple[Relation, Lemma], Link]
    ) -> tuple[list[Lemma], np.ndarray]:
        """The candidates of a word, sorted, and float (candidates, features)."""
        candidates = sorted({c for relation, c in links if relation in self.relations})
        rows = [self._row(word, c, links) for c in candidates]
        table = np.array(rows, np.float64).reshape(len(rows), len(self.names))
        self._compare(table)
        return candidates, table

    def _compare(self, table):
        """Fill in how a candidate compares with the others of the word."""
        at = self.names.index
        for source, name in (
            ("glove", "glove_below_best"),
            ("skipgram", "skipgram_below_best"),
            ("both_ways", "share_below_best"),
        ):
            column = table[:, at(source)]
            known = column[~np.isnan(column)]
            table[:, at(name)] = column - (known.max() if len(known) else np.nan)
        table[:, at("number_of_candidates")] = np.log(max(len(table), 1))

    def _row(self, word, candidate, links):
        wordnet, glove, skipgram = self.resources
        found = [links.get((relation, candidate), _NO_LINK) for relation in self.relations]
        there = sum(link.there for link in found)
        back = sum(link.back for link in found)
        cosines = [_cosine(space.of(word), space.of(candidate)) for space in (glove, skipgram)]
        return [
            *(_log(x) for link in found for x in (link.share, link.there, link.back)),
            *(_log(there), _log(back), _log(there) + _log(back)),
            max(link.frames for link in found),
            *(np.log(max(len(wordnet.probabilities(x)), 1)) for x in (word, candidate)),
            np.nan,
            *cosines,
            np.mean(cosines),
            *(np.nan, np.nan, np.nan),
            *(np.log1p(glove.rank(lemma)) for lemma in (word, candidate)),
            *(np.log1p(skipgram.count(lemma)) for lemma in (word, candidate)),
            *(candidate.text.count(" ") + 1, candidate.text.count("-")),
            _common_prefix(word.text, candidate.text),
            *(word.pos == pos for pos in _POS),
        ]


def _log(probability):
    return np.log(max(probability, _LEAST))


def _cosine(a, b):
    return float(a @ b) if a is not None and b is not None else np.nan


def _common_prefix(a, b):
    """Its length, as a part of the longer word."""
    pairs = zip(a, b, strict=False)
    same = next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a), len(b)))
    return same / max(len(a), len(b))
