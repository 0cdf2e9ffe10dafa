"""The rewriter of texts that are lists of words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .choice import DRAWS, Choice, View, Words, choose, open_words
from .kinds import ANTONYM_KINDS, SYNONYM_KINDS, Kind
from .lexicon import Lexicon
from .tagger import Tagger
from .word_table import WordTable
from .words import Case, with_case

MAX_TYPES = 300_000  # word types kept; the table starts anew beyond

NOT_REPLACED = -1  # in arrays of kinds

# Of the algorithm. Raise it when the same text, seed and epoch get other views, so that resumed
# runs say so.
VERSION = 1


class Rewritten(NamedTuple):
    """A text and its two views, aligned word by word.

    A multi-word replacement ("motor vehicle") stands in one slot.
    """

    original: list[str]
    synonym: list[str]
    antonym: list[str]
    synonym_replaced: np.ndarray  # bool (words,)
    antonym_replaced: np.ndarray  # bool (words,)
    synonym_kinds: np.ndarray  # int8 (words,) of Kind, NOT_REPLACED elsewhere
    antonym_kinds: np.ndarray  # int8 (words,)


class Rewriter:
    """Makes a synonym view (same meaning) and an antonym view (other meaning) of a text.

    Nouns, verbs, adjectives and adverbs are replaced, as far as the lexicon has candidates for
    them; proper nouns and function words stay. The same text, seed, epoch and index give the same
    views on every machine.

    Args:
        lexicon: the candidates.
        tagger: says which words are nouns, verbs, adjectives and adverbs.
        synonym_ratio: share of the words of the synonym view to replace, 0 to 1. Punctuation
            does not count as a word.
        antonym_ratio: the same of the antonym view.
        seed: of all draws.
        synonym_kinds: weights of the kinds of the synonym view, drawn word by word.
        antonym_kinds: the same of the antonym view. Random words only fill up to the share.
        enough_antonyms: no random words in a text whose antonyms make up this part of the share;
            0 for none at all.

    Raises:
        InputError: if a ratio is outside [0, 1], a weight is negative or all are 0.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        tagger: Tagger,
        synonym_ratio: float = 0.4,
        antonym_ratio: float = 0.2,
        seed: int = 1,
        synonym_kinds: Mapping[Kind, float] = SYNONYM_KINDS,
        antonym_kinds: Mapping[Kind, float] = ANTONYM_KINDS,
        enough_antonyms: float = 1.0,
    ):
        self.lexicon, self.tagger, self.seed = lexicon, tagger, seed
        self.views = (
            _checked_view("synonym", synonym_ratio, synonym_kinds),
            _checked_view("antonym", antonym_ratio, antonym_kinds, enough_antonyms),
        )
        self._table = WordTable(lexicon, tagger)
        self._row_of: dict[str, int] = {}

    def rewrite(self, words: Sequence[str], epoch: int = 1, index: int = 0) -> Rewritten:
        """Rewrite one text. ``index`` is its number in the corpus."""
        return self.rewrite_texts([words], epoch, [index])[0]

    def rewrite_texts(
        self, texts: Sequence[Sequence[str]], epoch: int, indices: Sequence[int]
    ) -> list[Rewritten]:
        """Rewrite many texts at once, which is faster; the result is that of one by one."""
        texts = [list(text) for text in texts]
        if not texts:
            return []
        sizes = np.array([len(text) for text in texts], np.intp)
        flat = [word for text in texts for word in text]
        rows = self._rows(flat)
        text = np.repeat(np.arange(len(texts)), sizes)
        words = Words(rows, text, np.zeros(len(rows), bool), np.ones(len(rows), np.int64))
        totals = np.bincount(text[self._table.is_word[rows]], minlength=len(texts))
        open_, entries = open_words(words, self._table, self.tagger, len(texts))
        views = self.choose_views(words, open_, entries, epoch, indices, totals)
        return self._write(texts, flat, sizes, rows, views)

    def choose_views(
        self, words: Words, open_, entries, epoch: int, indices: Sequence[int], totals, **limits
    ) -> list[Choice]:
        """The replacements of both views, for a front end; see :func:`.choice.choose`."""
        counts = np.bincount(words.text[open_], minlength=len(indices))
        uniform = [
            np.random.default_rng((self.seed, epoch, index)).random((len(self.views), DRAWS, count))
            for index, count in zip(indices, counts.tolist(), strict=True)
        ]
        uniform = np.concatenate(uniform, axis=2)
        return [
            choose(view, self.lexicon, words, open_, entries, draws, totals, **limits)
            for view, draws in zip(self.views, uniform, strict=True)
        ]

    def _rows(self, words):
        if len(self._table) > MAX_TYPES:
            self._table = WordTable(self.lexicon, self.tagger)
            self._row_of.clear()
        get = self._row_of.get
        rows = np.array([get(word, -1) for word in words], np.intp)
        unknown = np.flatnonzero(rows < 0)
        if len(unknown):
            new = list(dict.fromkeys(words[i] for i in unknown))
            self._row_of.update(zip(new, self._table.add(new).tolist(), strict=True))
            rows[unknown] = [self._row_of[words[i]] for i in unknown]
        return rows

    def _write(self, texts, flat, sizes, rows, views):
        ends = np.cumsum(sizes)
        columns = []
        for choice in views:
            new = [self.lexicon.forms[form] for form in choice.form.tolist()]
            cases = self._table.case[rows[choice.word]]
            for i in np.flatnonzero(cases != Case.LOWER).tolist():
                new[i] = with_case(new[i], cases[i])
            view = list(flat)
            for at, word in zip(choice.word.tolist(), new, strict=True):
                view[at] = word
            kinds = np.full(len(flat), NOT_REPLACED, np.int8)
            kinds[choice.word] = choice.kind
            columns.append((view, kinds))
        (synonym, synonym_kinds), (antonym, antonym_kinds) = columns
        results = []
        for text, start, end in zip(texts, (ends - sizes).tolist(), ends.tolist(), strict=True):
            s_kinds, a_kinds = synonym_kinds[start:end], antonym_kinds[start:end]
            results.append(
                Rewritten(
                    text,
                    synonym[start:end],
                    antonym[start:end],
                    s_kinds != NOT_REPLACED,
                    a_kinds != NOT_REPLACED,
                    s_kinds,
                    a_kinds,
                )
            )
        return results


def _checked_view(name, ratio, kinds, enough=1.0):
    if not 0 <= ratio <= 1:
        raise InputError(f"the {name} ratio must be from 0 to 1, not {ratio}")
    if any(weight < 0 for weight in kinds.values()) or not any(kinds.values()):
        raise InputError(f"the weights of the {name} kinds must be positive, not {dict(kinds)}")
    if not 0 <= enough <= 1:
        raise InputError(f"the share of antonyms that is enough must be from 0 to 1, not {enough}")
    return View(ratio, dict(kinds), enough)
