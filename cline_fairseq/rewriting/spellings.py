"""The subword tokens of replacements, encoded once and kept."""

from collections.abc import Sequence

import numpy as np

from .vocabulary import Vocabulary
from .words import Case, with_case

_NUM_CASES = len(Case) - 1  # words in mixed case are not replaced


class Spellings:
    """Spells forms of the lexicon in subword tokens.

    A spelling is a list of ids; all lists are kept in one array, which grows by doubling.

    Args:
        forms: the forms of the lexicon.
        vocabulary: the subwords to write them in.

    Attributes:
        ids: int64, the ids of all spellings, one after the other.
        starts: int64 (S,), where each spelling starts in ``ids``.
        lengths: int64 (S,), how many ids it has; 0 if the form cannot be written.
    """

    def __init__(self, forms: Sequence[str], vocabulary: Vocabulary):
        self._forms, self._vocabulary = forms, vocabulary
        self._spelling_of = np.full(len(forms) * _NUM_CASES * 2, -1, np.int32)
        self.ids = np.empty(1024, np.int64)
        self.starts = np.empty(256, np.int64)
        self.lengths = np.empty(256, np.int64)
        self._num_ids = self._count = 0

    def spell(self, form_ids: np.ndarray, cases: np.ndarray, after_space: np.ndarray) -> np.ndarray:
        """Spell forms.

        Args:
            form_ids: int (R,).
            cases: int (R,), the :class:`~cline_fairseq.rewriting.words.Case` to write each in.
            after_space: bool (R,), whether it follows a space.

        Returns:
            int32 (R,), indices of spellings. The arrays of this object may have been replaced, so
            read them after this call.
        """
        keys = (form_ids * _NUM_CASES + cases) * 2 + after_space
        spellings = self._spelling_of[keys]
        missing = np.unique(keys[spellings < 0])
        if len(missing):
            for key in missing.tolist():
                form_case, space = divmod(key, 2)
                form_id, case = divmod(form_case, _NUM_CASES)
                word = with_case(self._forms[form_id], Case(case))
                ids = self._vocabulary.encode_word(word, bool(space))
                self._spelling_of[key] = self._add(ids)
            spellings = self._spelling_of[keys]
        return spellings

    def _add(self, ids):
        """Append a list of ids, and return its index."""
        end = self._num_ids + len(ids)
        while end > len(self.ids):
            self.ids = np.resize(self.ids, 2 * len(self.ids))
        if self._count == len(self.starts):
            self.starts = np.resize(self.starts, 2 * self._count)
            self.lengths = np.resize(self.lengths, 2 * self._count)
        self.ids[self._num_ids : end] = ids
        self.starts[self._count], self.lengths[self._count] = self._num_ids, len(ids)
        self._num_ids = end
        self._count += 1
        return self._count - 1
