"""Choosing replacements: the core of the rewriter, for all words of many texts at once."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from .kinds import Kind
from .lexicon import Lexicon
from .tagger import WINDOW
from .word_table import WordTable

DRAWS = 3  # uniform numbers that a view draws for a word: its turn, the kind, the candidate


class View(NamedTuple):
    """What a view of a text consists of: how much is replaced, and by which kinds.

    ``kinds`` maps each kind to its weight; a kind is drawn for every word from those that it has
    candidates of. Words with a candidate of another kind come before random words, which only
    fill up to the share; none are taken where the other kinds make up the part ``enough`` of it.
    """

    ratio: float
    kinds: Mapping[Kind, float]
    enough: float = 1.0


class Words(NamedTuple):
    """The words of texts, one text after the other, special tokens and punctuation included."""

    rows: np.ndarray  # int (N,), rows of the word table
    text: np.ndarray  # int (N,), which text a word is of, ascending
    fixed: np.ndarray  # bool (N,), words that must stay as they are
    lengths: np.ndarray  # int (N,), how much a word counts: 1 a word, or its subword tokens


class Choice(NamedTuple):
    """Replacements of a view."""

    word: np.ndarray  # int (R,), ascending indices into Words
    form: np.ndarray  # int (R,), forms of the lexicon
    kind: np.ndarray  # int (R,) of Kind


def open_words(words: Words, table: WordTable, tagger, num_texts: int):
    """Tag the words; the indices (M,) of those that may be replaced, and their entries (M,)."""
    # A word's place in the padded array: behind the boundaries of all texts up to its own.
    at = np.arange(len(words.rows)) + WINDOW * (words.text + 1)
    padded = np.zeros(len(words.rows) + WINDOW * (num_texts + 1), np.intp)
    padded[at] = words.rows
    tags = tagger.tag_ids(table.types, padded)[at]
    entries = table.entries[words.rows, tags]
    open_ = np.flatnonzero((entries >= 0) & ~words.fixed)
    return open_, entries[open_]


def choose(
    view: View,
    lexicon: Lexicon,
    words: Words,
    open_: np.ndarray,
    entries: np.ndarray,
    uniform: np.ndarray,
    totals: np.ndarray,
    room: np.ndarray | None = None,
    new_lengths: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Choice:
    """Draw the replacements of one view.

    Args:
        view: the share and the kinds.
        lexicon: where candidates come from.
        words: the words of all texts.
        open_: int (M,), the words that may be replaced.
        entries: int (M,), their entries.
        uniform: float (DRAWS, M) in [0, 1).
        totals: int (texts,), what a text counts; the share refers to it.
        room: int (texts,), by how much a text may grow; None: nothing grows.
        new_lengths: gives what replacements count, from indices into ``words`` and forms, 0 for
            one that cannot be written; None: 1 for every word.
    """
    turn, kind_draw, candidate_draw = uniform
    kind = _draw_kinds(view.kinds, lexicon, entries, kind_draw)
    able = np.flatnonzero(kind >= 0)
    form = np.full(len(open_), -1)
    form[able] = lexicon.draw(entries[able], kind[able], candidate_draw[able])
    new = np.zeros(len(open_), np.int64)
    able = np.flatnonzero(form >= 0)
    new[able] = 1 if new_lengths is None else new_lengths(open_[able], form[able])

    text, random = words.text[open_], kind == Kind.RANDOM
    if view.enough < 1:
        supply = np.bincount(text, np.where(random, 0, new), minlength=len(totals))
        new[random & (supply >= view.enough * view.ratio * totals)[text]] = 0
    able = np.flatnonzero(new)
    order = able[order_by_turn(text[able], random[able], turn[able])]
    taken = _take(text[order], words.lengths[open_[order]], new[order], view.ratio, totals, room)
    taken = np.sort(order[taken])
    return Choice(open_[taken], form[taken], kind[taken])


def order_by_turn(text: np.ndarray, last: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The order by text, then by ``last`` (bool), then by a draw in [0, 1), with stable ties.

    The keys are integers, and the draw keeps its place in them, so that the order of a text is
    the same in any company.
    """
    key = (text.astype(np.int64) << 41) | (last.astype(np.int64) << 40)
    return np.argsort(key | (turn * (1 << 40)).astype(np.int64), kind="stable")


def _draw_kinds(weights, lexicon, entries, uniform):
    """A kind for each entry, RANDOM only for want of others; -1 where there is none."""
    kinds = [kind for kind, weight in weights.items() if weight > 0 and kind != Kind.RANDOM]
    drawn = np.full(len(entries), -1)
    if weights.get(Kind.RANDOM, 0) > 0:
        drawn[lexicon.has(entries, Kind.RANDOM)] = Kind.RANDOM
    if kinds:
        have = np.stack([weights[kind] * lexicon.has(entries, kind) for kind in kinds])
        cumulative = np.cumsum(have, axis=0)
        some = cumulative[-1] > 0
        which = (cumulative[:, some] <= uniform[some] * cumulative[-1, some]).sum(axis=0)
        drawn[some] = np.array(kinds)[which]
    return drawn


def _take(text, old, new, ratio, totals, room):
    """Which replacements to make: bool (M,). They come in order of their turn within each text.

    Taken from the first on while they come nearest to the share, and one at least. Where a text
    would outgrow its room, the last growing ones are left out, and ones that do not grow are
    taken instead.
    """
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
