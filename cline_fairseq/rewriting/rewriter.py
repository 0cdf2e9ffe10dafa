"""The rewriter of texts that are lists of words."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .choice import DRAWS, Choice, OpenWords, View, Words, make_draft, open_words, take
from .kinds import ANTONYM_KINDS, SYNONYM_KINDS, Kind
from .lexicon import Lexicon
from .matching import match_edits
from .tagger import Tagger
from .word_table import WordTable
from .words import Case, with_case

MAX_TYPES = 300_000  # word types kept; the table starts anew beyond

NOT_REPLACED = -1  # in arrays of kinds

# Of the algorithm. Raise it when the same text, seed and epoch get other views, so that resumed
# runs say so.
VERSION = 2


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

    @property
    def has_contrast(self) -> bool:
        """Whether one view keeps the meaning and the other one changes it.

        Replacements that only match the number of edits do not change the meaning.
        """
        changed = np.isin(self.antonym_kinds, list(ANTONYM_KINDS))
        return bool(self.synonym_replaced.any() and changed.any())


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
        antonym_kinds: the same of the antonym view. Co-hyponyms, and after them random words, only
            fill up to the share.
        enough_antonyms: no random words in a text whose antonyms and co-hyponyms make up this part
            of the share; 0 for none at all.
        match_edits: fill the antonym view up with replacements of the synonym view's kinds, until
            both views have the same number of replaced words and the same length; see
            :mod:`.matching`.
        one_kind_per_text: draw the kind once for each view of a text instead of word by word, from
            those that the text has candidates of. Words without one are not replaced, or become
            co-hyponyms or random words in the antonym view.

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
        match_edits: bool = False,
        one_kind_per_text: bool = False,
    ):
        self.lexicon, self.tagger, self.seed = lexicon, tagger, seed
        self.views = (
            _checked_view("synonym", synonym_ratio, synonym_kinds, 1.0, one_kind_per_text),
            _checked_view(
                "antonym", antonym_ratio, antonym_kinds, enough_antonyms, one_kind_per_text
            ),
        )
        self.match_edits = match_edits
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
        open_ = open_words(words, self._table, self.tagger, len(texts))
        views = self.choose_views(words, open_, epoch, indices, totals)
        return self._write(texts, flat, sizes, rows, views)

    @property
    def kinds(self) -> tuple[list[Kind], list[Kind]]:
        """The kinds of replacements that each view may hold."""
        synonym, antonym = ([k for k, w in view.kinds.items() if w > 0] for view in self.views)
        fillers = [k for k in synonym if k not in antonym] if self.match_edits else []
        return synonym, antonym + fillers

    def choose_views(
        self,
        words: Words,
        open_: OpenWords,
        epoch: int,
        indices: Sequence[int],
        totals: np.ndarray,
        room: np.ndarray | None = None,
        new_lengths: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> list[Choice]:
        """The replacements of both views, for a front end.

        For the arguments see :func:`.choice.make_draft` and :func:`.choice.take`.
        """
        counts = np.bincount(words.text[open_.word], minlength=len(indices)).tolist()
        generators = [np.random.default_rng((self.seed, epoch, index)) for index in indices]

        def draft(view, uniform):
            return make_draft(view, self.lexicon, words, open_, uniform, totals, new_lengths)

        uniform = _draw(generators, (len(self.views), DRAWS), counts)
        drafts = list(map(draft, self.views, uniform))
        taken = [take(d, v.ratio, totals, room) for d, v in zip(drafts, self.views, strict=True)]
        if self.match_edits:
            # After the draws above, which are the same with matching and without.
            for_fillers = _draw(generators, (DRAWS,), counts)
            if self.views[0].one_kind:
                for_fillers[1] = uniform[0, 1]  # the synonym view's kind
            fillers = draft(self.views[0], for_fillers)
            signs = _draw(generators, (2,), [1] * len(generators))
            taken = match_edits(*taken, fillers, signs, room)
        return list(map(Choice.of, taken))

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


def _draw(generators, shape, counts):
    """Uniform numbers (*shape, sum of the counts), of each text from its own generator."""
    drawn = [g.random((*shape, n)) for g, n in zip(generators, counts, strict=True)]
    return np.concatenate(drawn, axis=-1)


def _checked_view(name, ratio, kinds, enough, one_kind):
    if not 0 <= ratio <= 1:
        raise InputError(f"the {name} ratio must be from 0 to 1, not {ratio}")
    if any(weight < 0 for weight in kinds.values()) or not any(kinds.values()):
        raise InputError(f"the weights of the {name} kinds must be positive, not {dict(kinds)}")
    if not 0 <= enough <= 1:
        raise InputError(f"the share of antonyms that is enough must be from 0 to 1, not {enough}")
    return View(ratio, dict(kinds), enough, one_kind)
