"""Words in blocks of a tokenizer that drops spaces, as WordPiece does.

It writes "don't" and "don ' t" alike, and "well-known" and "well - known". So spelling decides: a
hyphen or an underscore between letters is part of a word, and an apostrophe is one where a
contraction or a name goes on after it. If in doubt, a word stays whole: an unknown word is left as
it is, but a part of one might be replaced.
"""

from collections.abc import Sequence

import numpy as np

# What follows an apostrophe ("it's"), and what comes before one ("o'clock", "ma'am").
_AFTER = ("s", "t", "d", "m", "re", "ve", "ll", "em")
_BEFORE = ("o", "d", "l", "j", "c", "qu", "y", "ma", "ne", "e", "wh", "gov")
_APOSTROPHES, _HYPHEN, _UNDERSCORE = ("'", "’"), "-", "_"


class Joints:
    """Where the words of such a tokenizer go on after punctuation.

    Args:
        pieces: letters of each id, as in :class:`.vocabulary.Vocabulary`.
        begins: bool (ids,), False for pieces that continue a word.
    """

    def __init__(self, pieces: Sequence[bytes | None], begins: np.ndarray):
        texts = ["" if piece is None else piece.decode(errors="replace") for piece in pieces]
        self._begins = begins

        def where(*wanted: str) -> np.ndarray:
            return np.array([text.lower() in wanted for text in texts]) & begins

        self._apostrophe, self._hyphen = where(*_APOSTROPHES), where(_HYPHEN)
        self._underscore = where(_UNDERSCORE)
        self._before, self._after = where(*_BEFORE), where(*_AFTER)

    def find(self, tokens: np.ndarray, letters: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Which tokens join the words on both sides into one: bool (N,).

        Args:
            tokens: (N,), joined blocks.
            letters: bool (N,), tokens of words.
            first: bool (N,), where blocks begin.
        """
        underscore = self._underscore[tokens]
        letters = letters & ~underscore
        before = _previous(letters) & ~first
        after = _next(letters & ~first)
        ends = ~_next(~self._begins[tokens] & ~first)  # the token is the end of its word
        contraction = _next(self._after[tokens] & ends) | _previous(self._before[tokens])
        joins = self._hyphen[tokens] | underscore | (self._apostrophe[tokens] & contraction)
        return joins & before & after


def _previous(mask):
    return np.insert(mask[:-1], 0, False)


def _next(mask):
    return np.append(mask[1:], False)
