"""A table of the distinct words seen so far, with what lexicon and tagger know of each."""

import numpy as np

from .lexicon import Lexicon
from .neighbours import PARTICLES, article_of
from .tagger import AnyTagger
from .tags import TAGS
from .words import Case, case_of, is_word

# Distinct words to keep; a front end starts a new table when it has more.
MAX_WORDS = 300_000


class WordTable:
    """Distinct words as rows of arrays, which grow by doubling. Row 0 is the boundary of a text.

    A row depends on its word alone, so the order in which words are added changes nothing.

    Args:
        lexicon: looks up the entries of words.
        tagger: computes the features that it needs of a word.
    """

    def __init__(self, lexicon: Lexicon, tagger: AnyTagger):
        self._lexicon, self._tagger = lexicon, tagger
        self._count = 0
        self._columns = {
            "tagger_features": np.empty_like(tagger.word_features([""])),
            "lexicon_entries": np.empty((1, len(TAGS)), np.int32),
            "case": np.empty(1, np.uint8),
            "is_word": np.empty(1, bool),
            "article": np.empty(1, np.uint8),
            "is_particle": np.empty(1, bool),
        }
        self.add([""])

    def __len__(self) -> int:
        return self._count

    def add(self, words: list[str]) -> np.ndarray:
        """Append words that the table does not contain yet, and return their rows."""
        rows = np.arange(self._count, self._count + len(words))
        self._reserve(self._count + len(words))
        cases = [case_of(word) for word in words]
        form_id = self._lexicon.form_id
        form_ids = np.array(
            [
                -1 if case == Case.MIXED else form_id.get(word.lower(), -1)
                for word, case in zip(words, cases, strict=True)
            ]
        )
        new = {
            "tagger_features": self._tagger.word_features(words),
            "lexicon_entries": np.where(
                form_ids[:, None] >= 0, self._lexicon.entry_of[form_ids], -1
            ),
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
    def tagger_features(self) -> np.ndarray:
        """(V, ...), what the tagger's ``word_features`` returns for each word."""
        return self._columns["tagger_features"]

    @property
    def lexicon_entries(self) -> np.ndarray:
        """int32 (V, tags), the lexicon's entry of each word with each tag, -1 if it has none."""
        return self._columns["lexicon_entries"]

    @property
    def case(self) -> np.ndarray:
        """uint8 (V,), the :class:`~cline_fairseq.rewriting.words.Case` of each word."""
        return self._columns["case"]

    @property
    def is_word(self) -> np.ndarray:
        """bool (V,), False for punctuation."""
        return self._columns["is_word"]

    @property
    def article(self) -> np.ndarray:
        """uint8 (V,), the :class:`~cline_fairseq.rewriting.neighbours.Article` that a word is."""
        return self._columns["article"]

    @property
    def is_particle(self) -> np.ndarray:
        """bool (V,), whether the word is a particle if it follows a verb."""
        return self._columns["is_particle"]
