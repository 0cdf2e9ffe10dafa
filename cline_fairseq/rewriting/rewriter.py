"""The front end for texts that are lists of words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .drawing import Words
from .engine import Engine
from .kinds import ANTONYM_KINDS, SYNONYM_KINDS, Kind
from .lexicon import Lexicon
from .tagger import AnyTagger
from .word_table import MAX_WORDS
from .words import Case, with_case

NOT_REPLACED = -1  # in arrays of kinds


class Rewritten(NamedTuple):
    """A text and its two views, aligned word by word.

    A replacement of several words ("motor vehicle") is one item of the list.
    """

    original: list[str]
    synonym: list[str]
    antonym: list[str]
    synonym_replaced: np.ndarray  # bool (words,)
    antonym_replaced: np.ndarray  # bool (words,)
    synonym_kinds: np.ndarray  # int8 (words,) of Kind, NOT_REPLACED elsewhere
    antonym_kinds: np.ndarray  # int8 (words,)

    @property
    def has_contrast(self) -> bool:
        """Whether one view keeps the meaning and the other one changes it.

        Replacements that only match the number of edits do not change the meaning.
        """
        changed = np.isin(self.antonym_kinds, list(ANTONYM_KINDS))
        return bool(self.synonym_replaced.any() and changed.any())


class Rewriter:
    """Makes a synonym view (same meaning) and an antonym view (other meaning) of a text.

    Nouns, verbs, adjectives and adverbs are replaced if the lexicon has candidates for them; proper
    nouns and function words are kept. The same text, seed, epoch and index give the same views on
    every machine.

    Args:
        lexicon: provides the candidates.
        tagger: finds nouns, verbs, adjectives and adverbs.
        synonym_ratio: share of the words to replace in the synonym view, 0 to 1. Punctuation does
            not count as a word.
        antonym_ratio: share of the words to replace in the antonym view, 0 to 1.
        seed: of all random draws.
        synonym_kinds: weights of the kinds of replacements in the synonym view. A kind is drawn for
            each word.
        antonym_kinds: weights of the kinds of replacements in the antonym view. Co-hyponyms, and
            after them random words, are only used until the view reaches its ratio.
        enough_antonyms: use no random words in a text if antonyms and co-hyponyms cover this
            fraction of ``antonym_ratio``; 0: never use random words.
        match_edits: add replacements of the synonym view's kinds to the antonym view until both
            views have the same number of replaced words and the same length; see
            :mod:`.matching`.
        one_kind_per_text: draw the kind once for each view of a text instead of for each word,
            among the kinds for which the text has candidates. Words without a candidate of this
            kind are kept or, in the antonym view, replaced by co-hyponyms or random words.

    Raises:
        InputError: if a ratio is outside [0, 1], a weight is negative or all weights are 0.
    """

    def __init__(
        self,
        lexicon: Lexicon,
        tagger: AnyTagger,
        synonym_ratio: float = 0.4,
        antonym_ratio: float = 0.2,
        seed: int = 1,
        synonym_kinds: Mapping[Kind, float] = SYNONYM_KINDS,
        antonym_kinds: Mapping[Kind, float] = ANTONYM_KINDS,
        enough_antonyms: float = 1.0,
        match_edits: bool = False,
        one_kind_per_text: bool = False,
    ):
        self._engine = Engine(
            lexicon,
            tagger,
            synonym_ratio,
            antonym_ratio,
            seed,
            synonym_kinds,
            antonym_kinds,
            enough_antonyms,
            match_edits,
            one_kind_per_text,
        )
        self.lexicon, self.tagger = lexicon, tagger
        self._forget()

    def rewrite(self, words: Sequence[str], epoch: int = 1, index: int = 0) -> Rewritten:
        """Rewrite one text.

        Args:
            words: as returned by :func:`~cline_fairseq.rewriting.split_words`.
            epoch: of training; each epoch has views of its own.
            index: the number of the text in the corpus.
        """
        return self.rewrite_texts([words], epoch, [index])[0]

    def rewrite_texts(
        self, texts: Sequence[Sequence[str]], epoch: int, indices: Sequence[int]
    ) -> list[Rewritten]:
        """Rewrite many texts at once, which is faster than one by one and has the same result.

        Args:
            texts: the words of each text.
            epoch: of training; each epoch has views of its own.
            indices: the number of each text in the corpus.
        """
        texts = [list(text) for text in texts]
        if not texts:
            return []
        sizes = np.array([len(text) for text in texts], np.intp)
        flat = [word for text in texts for word in text]
        rows = self._rows(flat)
        text_ids = np.repeat(np.arange(len(texts)), sizes)
        words = Words(rows, text_ids, np.zeros(len(rows), bool), np.ones(len(rows), np.int64))
        draws = self._engine.draw(words, self._table, epoch, indices)
        lengths = [np.ones(len(view.word_index), np.int64) for view in draws.views]
        totals = np.bincount(text_ids[self._table.is_word[rows]], minlength=len(texts))
        views = self._engine.select(words, draws, lengths, totals)
        return self._write(texts, flat, sizes, rows, views)

    def _forget(self) -> None:
        self._table = self._engine.new_table()
        self._row_of: dict[str, int] = {}

    def _rows(self, words):
        if len(self._table) > MAX_WORDS:
            self._forget()
        get = self._row_of.get
        rows = np.array([get(word, -1) for word in words], np.intp)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            new = list(dict.fromkeys(words[i] for i in missing))
            self._row_of.update(zip(new, self._table.add(new).tolist(), strict=True))
            rows[missing] = [self._row_of[words[i]] for i in missing]
        return rows

    def _write(self, texts, flat, sizes, rows, views):
        ends = np.cumsum(sizes)
        columns = []
        for replacements in views:
            word_index = replacements.word_index
            new = [self.lexicon.forms[form_id] for form_id in replacements.form_ids.tolist()]
            cases = self._table.case[rows[word_index]]
            for i in np.flatnonzero(cases != Case.LOWER).tolist():
                new[i] = with_case(new[i], cases[i])
            view = list(flat)
            for at, word in zip(word_index.tolist(), new, strict=True):
                view[at] = word
            kinds = np.full(len(flat), NOT_REPLACED, np.int8)
            kinds[word_index] = replacements.kinds
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
