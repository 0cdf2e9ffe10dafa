"""A table of the word types seen so far, with what lexicon and tagger know of each."""

import numpy as np

from .lexicon import Lexicon
from .neighbours import PARTICLES, article_of
from .tagger import Tagger
from .tags import TAGS
from .words import Case, case_of, is_word


class WordTable:
    """Word types as rows of arrays, which grow by doubling. Row 0 is the boundary of a text.

    A row depends on its word alone, so that the order in which words are met changes nothing.
    """

    def __init__(self, lexicon: Lexicon, tagger: Tagger):
        self._lexicon, self._tagger = lexicon, tagger
        self._count = 0
        self._columns = {
            "types": np.empty_like(tagger.types([""])),
            "entries": np.empty((1, len(TAGS)), np.int32),
            "case": np.empty(1, np.uint8),
            "is_word": np.empty(1, bool),
            "article": np.empty(1, np.uint8),
            "is_particle": np.empty(1, bool),
        }
        self.add([""])

    def __len__(self) -> int:
        return self._count

    def add(self, words: list[str]) -> np.ndarray:
        """Append word types that are not there yet, and return their rows."""
        rows = np.arange(self._count, self._count + len(words))
        self._reserve(self._count + len(words))
        cases = [case_of(word) for word in words]
        form_id = self._lexicon.form_id
        forms = np.array(
            [
                -1 if case == Case.MIXED else form_id.get(word.lower(), -1)
                for word, case in zip(words, cases, strict=True)
            ]
        )
        new = {
            "types": self._tagger.types(words),
            "entries": np.where(forms[:, None] >= 0, self._lexicon.entry_of[forms], -1),
            "case": cases,
            "is_word": [is_word(word) for word in words],
            "article": [article_of(word) for word in words],
            "is_particle": [word.lower() in PARTICLES for word in words],
        }
        for name, values in new.items():
            self._columns[name][rows] = values
        self._count += len(words)
        return rows

    def _reserve(self, count):
        size = len(self._columns["case"])
        if count <= size:
            return
        size = max(count, 2 * size)
        for name, column in self._columns.items():
            grown = np.empty((size, *column.shape[1:]), column.dtype)
            grown[: self._count] = column[: self._count]
            self._columns[name] = grown

    @property
    def types(self) -> np.ndarray:
        """What the tagger wants to know of each word type."""
        return self._columns["types"]

    @property
    def entries(self) -> np.ndarray:
        """int32 (V, tags), the lexicon's entry of a word with a tag, -1 where there is none."""
        return self._columns["entries"]

    @property
    def case(self) -> np.ndarray:
        """uint8 (V,) of :class:`~cline_fairseq.rewriting.words.Case`."""
        return self._columns["case"]

    @property
    def is_word(self) -> np.ndarray:
        """bool (V,), False for punctuation."""
        return self._columns["is_word"]

    @property
    def article(self) -> np.ndarray:
        """uint8 (V,) of :class:`~cline_fairseq.rewriting.neighbours.Article`."""
        return self._columns["article"]

    @property
    def is_particle(self) -> np.ndarray:
        """bool (V,), whether a word is a particle where it follows a verb."""
        return self._columns["is_particle"]
