"""Choosing replacements: the core of the rewriter, for all words of many texts at once."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from .kinds import STAND_INS, Kind
from .lexicon import Lexicon
from .tagger import WINDOW
from .tags import INFLECTIONS, TAGS
from .word_table import WordTable

_IS_VERB = np.isin(TAGS, INFLECTIONS["VERB"])
DRAWS = 3  # uniform numbers that a view draws for a word: its turn, the kind, the candidate


class View(NamedTuple):
    """What a view of a text consists of: how much is replaced, and by which kinds.

    ``kinds`` maps each kind to its weight. A kind is drawn for every word, by this weight times
    what the word's candidates of it weigh. With ``one_kind``, it is drawn once for the text, by
    the weights of the kinds that any of its words has candidates of.

    Co-hyponyms, and after them random words, stand in at words for which this gives nothing. They
    only fill up to the share, in this order. No random words are taken where the other kinds make
    up the part ``enough`` of it.
    """

    ratio: float
    kinds: Mapping[Kind, float]
    enough: float = 1.0
    one_kind: bool = False


class Words(NamedTuple):
    """The words of texts, one text after the other, special tokens and punctuation included."""

    rows: np.ndarray  # int (N,), rows of the word table
    text: np.ndarray  # int (N,), which text a word is of, ascending
    fixed: np.ndarray  # bool (N,), words that must stay as they are
    lengths: np.ndarray  # int (N,), how much a word counts: 1 a word, or its subword tokens


class OpenWords(NamedTuple):
    """The words that may be replaced."""

    word: np.ndarray  # int (M,), ascending indices into Words
    entry: np.ndarray  # int (M,), their entries in the lexicon
    article: np.ndarray  # int (M,) of Article, right before them


class Draft(NamedTuple):
    """The replacements that a view may make, text by text, in the order of their turn."""

    text: np.ndarray  # int (D,), ascending
    word: np.ndarray  # int (D,), indices into Words
    form: np.ndarray  # int (D,), forms of the lexicon
    kind: np.ndarray  # int (D,) of Kind
    old: np.ndarray  # int (D,), how much the word counts
    new: np.ndarray  # int (D,), how much the replacement counts

    def where(self, index: np.ndarray) -> "Draft":
        """A part of it, by a mask or by indices."""
        return Draft(*(column[index] for column in self))


class Taken(NamedTuple):
    """What a view takes of a draft."""

    draft: Draft
    mask: np.ndarray  # bool (D,)


class Choice(NamedTuple):
    """Replacements of a view."""

    word: np.ndarray  # int (R,), ascending indices into Words
    form: np.ndarray  # int (R,), forms of the lexicon
    kind: np.ndarray  # int (R,) of Kind

    @classmethod
    def of(cls, taken: Taken) -> "Choice":
        """What was taken, in the order of words."""
        draft = taken.draft.where(taken.mask)
        return cls(*(getattr(draft.where(np.argsort(draft.word)), name) for name in cls._fields))


def open_words(words: Words, table: WordTable, tagger, num_texts: int) -> OpenWords:
    """Tag the words, and find those that may be replaced."""
    # A word's place in the padded array: after the boundaries of all texts up to its own.
    at = np.arange(len(words.rows)) + WINDOW * (words.text + 1)
    padded = np.zeros(len(words.rows) + WINDOW * (num_texts + 1), np.intp)
    padded[at] = words.rows
    tags = tagger.tag_ids(table.types, padded)[at]
    entries = table.entries[words.rows, tags]
    open_ = np.flatnonzero((entries >= 0) & ~words.fixed)
    # The neighbours of a word, which are boundaries at the ends of a text.
    after = padded[at[open_] + 1]
    open_ = open_[~(_IS_VERB[tags[open_]] & table.is_particle[after])]
    before = padded[at[open_] - 1]
    return OpenWords(open_, entries[open_], table.article[before])


def make_draft(
    view: View,
    lexicon: Lexicon,
    words: Words,
    open_: OpenWords,
    uniform: np.ndarray,
    totals: np.ndarray,
    new_lengths: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Draft:
    """Draw what each word may be replaced by in one view, and the order of turns.

    Args:
        view: the share and the kinds.
        lexicon: where candidates come from.
        words: the words of all texts.
        open_: the words that may be replaced.
        uniform: float (DRAWS, M) in [0, 1).
        totals: int (texts,), what a text counts; the share refers to it.
        new_lengths: gives what replacements count, from indices into ``words`` and forms, 0 for
            one that cannot be written; None: 1 for every word.
    """
    turn, kind_draw, candidate_draw = uniform
    text = words.text[open_.word]
    kind = _draw_kinds(view, lexicon, open_, text, kind_draw)
    able = np.flatnonzero(kind >= 0)
    form = np.full(len(kind), -1)
    form[able] = lexicon.draw(
        open_.entry[able], kind[able], candidate_draw[able], open_.article[able]
    )
    new = np.zeros(len(kind), np.int64)
    able = np.flatnonzero(form >= 0)
    new[able] = 1 if new_lengths is None else new_lengths(open_.word[able], form[able])

    random = kind == Kind.RANDOM
    if view.enough < 1:
        supply = np.bincount(text, np.where(random, 0, new), minlength=len(totals))
        new[random & (supply >= view.enough * view.ratio * totals)[text]] = 0
    able = np.flatnonzero(new)
    rank = sum((kind == stand_in) * i for i, stand_in in enumerate(STAND_INS, 1))
    order = able[order_by_turn(text[able], rank[able], turn[able])]
    word = open_.word[order]
    return Draft(text[order], word, form[order], kind[order], words.lengths[word], new[order])


def order_by_turn(text: np.ndarray, rank: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The order by text, then by ``rank`` (0 to 3), then by a draw in [0, 1), with stable ties.

    The keys are integers, and the draw keeps its place in them, so that the order of a text is
    the same in any company.
    """
    key = (text.astype(np.int64) << 42) | (rank.astype(np.int64) << 40)
    return np.argsort(key | (turn * (1 << 40)).astype(np.int64), kind="stable")


def _draw_kinds(view, lexicon, open_, text, uniform):
    """A kind for each entry, a stand-in only for want of others; -1 where there is none."""
    weights = view.kinds
    drawn = np.full(len(text), -1)
    for kind in reversed(STAND_INS):
        if weights.get(kind, 0) > 0:
            drawn[lexicon.mass(open_.entry, kind, open_.article) > 0] = kind
    kinds = [kind for kind, weight in weights.items() if weight > 0 and kind not in STAND_INS]
    if kinds:
        mass = np.stack([lexicon.mass(open_.entry, kind, open_.article) for kind in kinds])
        offered = mass
        if view.one_kind:
            offered = _in_text(mass > 0, text)
            uniform = uniform[np.searchsorted(text, text)]  # that of the first word
        weight = np.array([[weights[kind]] for kind in kinds])
        cumulative = np.cumsum(weight * offered, axis=0)
        some = np.flatnonzero(cumulative[-1] > 0)
        which = (cumulative[:, some] <= uniform[some] * cumulative[-1, some]).sum(axis=0)
        able = mass[which, some] > 0
        drawn[some[able]] = np.array(kinds)[which[able]]
    return drawn


def _in_text(has, text):
    """Whether any word of the same text has it: bool, the shape of ``has``."""
    return np.stack([np.bincount(text, row)[text] > 0 for row in has])


def take(draft: Draft, ratio: float, totals: np.ndarray, room: np.ndarray | None) -> Taken:
    """Take the replacements of a view.

    Taken from the first on while they come nearest to the share, and one at least. Where a text
    would outgrow its room, the last growing ones are left out, and ones that do not grow are
    taken instead.

    Args:
        draft: the replacements.
        ratio: the share.
        totals: int (texts,), what a text counts; the share refers to it.
        room: int (texts,), by how much a text may grow; None: nothing grows.
    """
    return Taken(draft, _take(draft.text, draft.old, draft.new, ratio, totals, room))


def _take(text, old, new, ratio, totals, room):
    if ratio <= 0:
        return np.zeros(len(text), bool)
    allowed = np.ones(len(text), bool)
    taken = _nearest_share(allowed, text, old, new, ratio, totals)
    if room is None:
        return taken
    growth = new - old
    grown = np.bincount(text[taken], growth[taken], minlength=len(totals)).astype(np.int64)
    excess = (grown - room)[text]
    # What growing replacements from here to the end of the text add up to.
    growing = np.where(taken & (growth > 0), growth, 0)
    behind = _sum_to_end(growing, text, len(totals)) - growing
    left_out = (excess > 0) & (growth > 0) & (~taken | (behind < excess))
    if not left_out.any():
        return taken
    return _nearest_share(~left_out, text, old, new, ratio, totals)


def _nearest_share(allowed, text, old, new, ratio, totals):
    new = np.where(allowed, new, 0)
    replaced = _sum_from_start(new, text, len(totals))
    length = totals[text] + replaced - _sum_from_start(np.where(allowed, old, 0), text, len(totals))
    first = _sum_from_start(allowed.astype(np.int64), text, len(totals)) == 1
    return allowed & (first | (replaced - new / 2 <= ratio * length))


def _sum_from_start(values, text, num_texts):
    """Running sums that begin anew with each text."""
    sums = np.cumsum(values)
    starts = np.searchsorted(text, np.arange(num_texts))
    before = np.concatenate([[0], sums])[starts]
    return sums - before[text]


def _sum_to_end(values, text, num_texts):
    """Sums from each place to the end of its text."""
    totals = np.bincount(text, values, minlength=num_texts).astype(np.int64)
    return totals[text] - _sum_from_start(values, text, num_texts) + values
