"""Making both views of a text alike in all that can be counted.

With the shares of the paper, the view with more replaced tokens is nearly always the synonym view,
and so is the longer one. Here the antonym view gets replacements of the synonym view's kinds as
well, until both views have the same number of replaced tokens and the same length.
"""

from typing import NamedTuple

import numpy as np

from .choice import Draft, Taken
from .kinds import ANTONYM_KINDS

TOLERANCE = 0.05  # by how much the numbers may differ; or by one word
# What replacements are chosen by: what a token of a difference costs, in number of replaced tokens
# (within the tolerance, beyond it, and where it is evened out later) and in length.
_WITHIN, _BEYOND, _LATER, _LENGTH = 256, 1 << 24, 4, 16
# By how many tokens a difference counts more if its sign is not the drawn one (number, length):
# long words leave few differences to choose from, and the smallest is more often of one sign.
_WRONG_SIGN = np.array([[4], [1]])
# A greater difference in length is evened out where the numbers are equal already. Smaller ones are
# as often of either sign, which evening them out would change.
_LEFT_OVER = 1
_NO_ROOM = 1 << 48


class Totals(NamedTuple):
    """Sums over the replacements of each text."""

    new: np.ndarray  # int (texts,), replaced tokens
    growth: np.ndarray  # int (texts,), how much longer the text becomes

    def minus(self, other: "Totals") -> "Totals":
        """The difference."""
        return Totals(self.new - other.new, self.growth - other.growth)


def match_edits(
    synonym: Taken,
    antonym: Taken,
    fillers: Draft,
    uniform: np.ndarray,
    room: np.ndarray | None,
) -> tuple[Taken, Taken]:
    """Fill the antonym view up until both views have as many replaced tokens, and are as long.

    What cannot be filled up is cut from the synonym view. Where the antonym view has more then,
    it is cut: fillers first, then random words, co-hyponyms, and antonyms. Where one view is still
    longer, both are cut alike. One replacement remains in a view that had any, and it is not a
    filler.

    Args:
        synonym: the replacements of the synonym view.
        antonym: the replacements of the antonym view.
        fillers: replacements of the synonym view's kinds, for the antonym view.
        uniform: float (2, texts) in [0, 1): which view gets what is left over, of replaced tokens
            and of length.
        room: int (texts,), by how much a text may grow; None: nothing grows.

    Returns:
        the replacements of both views.
    """
    num_texts = uniform.shape[1]
    room = np.full(num_texts, _NO_ROOM) if room is None else room
    signs = np.where(uniform < 0.5, -1, 1)  # 1: the antonym view has more, or is longer
    target, found = _totals(*synonym, num_texts), _totals(*antonym, num_texts)
    words = np.bincount(synonym.draft.text[synonym.mask], minlength=num_texts)
    one_word = target.new // np.maximum(words, 1)

    free = ~np.isin(fillers.word, antonym.draft.word[antonym.mask])
    limits = (-_NO_ROOM, room - found.growth)
    tolerance = _tolerance(target, one_word)
    filled = _nearest(fillers, free, target.minus(found), tolerance, limits, signs, later=-1)
    antonym = _last_turns_first(antonym, Taken(fillers, filled))
    found = _totals(*antonym, num_texts)

    spare = synonym.mask & ~_edges(synonym.draft.text, synonym.mask & _fits(synonym.draft, room))
    limits = (target.growth - room, _NO_ROOM)
    want = target.minus(found)
    cut = _nearest(synonym.draft, spare, want, tolerance, limits, signs, later=1)
    synonym = Taken(synonym.draft, synonym.mask & ~cut)
    target = _totals(*synonym, num_texts)

    tolerance = _tolerance(target, one_word)
    spare = ~_edges(antonym.draft.text[::-1], _fits(antonym.draft, room)[::-1])[::-1]
    limits = (found.growth - room, _NO_ROOM)
    cut = _nearest(antonym.draft, spare, found.minus(target), tolerance, limits, -signs)
    antonym = Taken(antonym.draft, ~cut)

    # The antonym view is longer in most of the texts that are left: antonyms tend to be long.
    longer = _totals(*antonym, num_texts).growth > _totals(*synonym, num_texts).growth
    kept = _edges(synonym.draft.text, synonym.mask & _fits(synonym.draft, room))
    kept = (antonym, _shortest_opposite(antonym)), (synonym, kept)
    antonym, synonym = _even_lengths(*kept, longer, room, tolerance, signs)
    return synonym, antonym


def _shortest_opposite(antonym):
    """The replacement of each text that is no filler and grows least: bool (D,)."""
    draft = antonym.draft
    at = np.flatnonzero(antonym.mask & np.isin(draft.kind, list(ANTONYM_KINDS)))
    order = at[np.lexsort(((draft.new - draft.old)[at], draft.text[at]))]
    kept = np.zeros(len(antonym.mask), bool)
    kept[order[np.diff(draft.text[order], prepend=-1) != 0]] = True
    return kept


def _even_lengths(longer, shorter, texts, room, tolerance, signs):
    """Cut as many tokens from both views: from the longer one what grows, and else from the other.

    Args:
        longer: what a view takes, and which of it must remain: bool (D,).
        shorter: the same of the other view.
        texts: bool (texts,), where the former is longer.
        room: int (texts,), by how much a text may grow.
        tolerance: int (texts,), by how many tokens the numbers may differ.
        signs: int (2, texts), whether the former should have more (1), and be longer, if need be.

    Returns:
        what both views take now.
    """
    (longer, kept), (shorter, kept_too) = longer, shorter
    drafts = longer.draft, shorter.draft
    long, short = (_totals(*taken, len(texts)) for taken in (longer, shorter))
    able = (
        longer.mask & ~kept & (drafts[0].new > drafts[0].old) & texts[drafts[0].text],
        shorter.mask & ~kept_too & (drafts[1].new <= drafts[1].old) & texts[drafts[1].text],
    )
    if not (able[0].any() and able[1].any()):
        return longer, shorter
    prefixes = [
        _Prefixes(draft, np.flatnonzero(mask), len(texts))
        for draft, mask in zip(drafts, able, strict=True)
    ]
    limits = (-_NO_ROOM, room - short.growth)
    cut = _best(*prefixes, -1, long.minus(short), tolerance, limits, -signs)
    masks = longer.mask.copy(), shorter.mask.copy()
    for mask, items in zip(masks, cut, strict=True):
        mask[items] = False
    return tuple(map(Taken, drafts, masks))


def _tolerance(totals, one_word):
    return np.maximum((TOLERANCE * totals.new).astype(np.int64), np.maximum(one_word, 1))


def _totals(draft, taken, num_texts):
    text, new, old = draft.text[taken], draft.new[taken], draft.old[taken]
    new = np.bincount(text, new, num_texts).astype(np.int64)
    return Totals(new, new - np.bincount(text, old, num_texts).astype(np.int64))


def _fits(draft, room):
    """Which replacements may remain alone: bool (D,). Each view has one that does."""
    return draft.new - draft.old <= room[draft.text]


def _edges(text, mask):
    """The first item of each text that is in the mask: bool, the shape of ``mask``."""
    at = np.flatnonzero(mask)
    edges = np.zeros(len(mask), bool)
    edges[at[np.diff(text[at], prepend=-1) != 0]] = True
    return edges


def _last_turns_first(*parts):
    """All that is taken of several drafts, within each text from the last of the last draft on."""
    columns = zip(*(draft.where(mask) for draft, mask in parts), strict=True)
    draft = Draft(*(np.concatenate(column)[::-1] for column in columns))
    draft = draft.where(np.argsort(draft.text, kind="stable"))
    return Taken(draft, np.ones(len(draft.text), bool))


def _nearest(draft, pool, want, tolerance, limits, signs, later=0):
    """The replacements of a pool whose totals come nearest to the wanted ones: bool (D,).

    Some of those that grow are taken and some of the others, both from the first on. All numbers
    of growing ones are tried, each with as many others as are then wanted.

    Args:
        draft: the replacements.
        pool: bool (D,), which may be taken.
        want: the wanted totals; nothing is taken where they are reached already.
        tolerance: int (texts,), by how many tokens the numbers may differ.
        limits: the least and the greatest growth, int (texts,) or int.
        signs: int (2, texts), whether more (1) or fewer (-1) tokens are better among about equally
            near ones, and the same of growth.
        later: whether too many (1) or too few (-1) tokens are evened out later; 0: neither.
    """
    taken = np.zeros(len(pool), bool)
    needed = (want.new > 0) | ((want.new == 0) & (want.growth > _LEFT_OVER))
    at = np.flatnonzero(pool & needed[draft.text])
    if not len(at):
        return taken
    grows = draft.new[at] > draft.old[at]
    growing, others = (_Prefixes(draft, at[part], len(want.new)) for part in (grows, ~grows))
    for items in _best(growing, others, 1, want, tolerance, limits, signs, later):
        taken[items] = True
    return taken


def _best(growing, others, sign, want, tolerance, limits, signs, later=0):
    """The prefix of either sort whose sum, or difference if ``sign`` is -1, is nearest to ``want``.

    The limits are those of the growth of the sum, or of the loss by the others in a difference.
    """
    num_texts = len(want.new)
    # Candidates: a prefix of the growing ones each, with one of the others below and one above; and
    # nothing at all, which alone keeps the limits of growth for sure.
    rest = sign * (want.new[growing.text] - growing.new)
    below = others.last_within(growing.text, rest.clip(0))
    above = np.minimum(below + 1, others.end[growing.text] - 1)
    i = np.concatenate([np.tile(np.arange(len(growing.text)), 2), growing.start])
    j = np.concatenate([below, above, others.start])
    text, growth = growing.text[i], growing.growth[i] + sign * others.growth[j]
    more = growing.new[i] + sign * others.new[j] - want.new[text]
    longer = growth - want.growth[text]
    beyond = (abs(more) - tolerance[text]).clip(0)
    wrong = _WRONG_SIGN * (np.sign([more, longer]) == -signs[:, text])
    cost = _WITHIN * (abs(more) + wrong[0]) + _BEYOND * beyond
    cost = np.where(np.sign(more) == later, _LATER * abs(more), cost)
    cost += _LENGTH * (abs(longer) + wrong[1])
    least, most = (np.broadcast_to(limit, num_texts)[text] for limit in limits)
    limited = growth if sign > 0 else -others.growth[j]
    cost[(limited < least) | (limited > most)] = _NO_ROOM
    order = np.lexsort((cost, text))
    best = order[np.searchsorted(text[order], np.arange(num_texts))]
    return growing.items(i[best]), others.items(j[best])


class _Prefixes:
    """The totals of the first replacements of each text: of none, of one, of two, and so on."""

    def __init__(self, draft, at, num_texts):
        """``at`` int (M,) chooses the replacements; they have M + num_texts prefixes."""
        self._at, self._text_of = at, draft.text[at]
        sizes = np.bincount(self._text_of, minlength=num_texts) + 1
        self.end = np.cumsum(sizes)
        self.start = self.end - sizes
        self.text = np.repeat(np.arange(num_texts), sizes)
        new = draft.new[at]
        self.new, self.growth = self._sums(new), self._sums(new - draft.old[at])
        self._scale = int(self.new.max()) + 1
        self._keys = self.text * self._scale + self.new

    def _sums(self, values):
        sums = np.zeros(len(self.text), np.int64)
        sums[np.arange(len(values)) + self._text_of + 1] = values
        sums = np.cumsum(sums)
        return sums - sums[self.start][self.text]

    def last_within(self, text, new):
        """The longest prefix of each text (N,) that has at most ``new`` (N,) tokens."""
        keys = text * self._scale + np.minimum(new, self._scale - 1)
        return np.searchsorted(self._keys, keys, side="right") - 1

    def items(self, prefixes):
        """The replacements in one prefix of each text, as indices into the draft."""
        sizes = prefixes - self.start
        place = np.arange(len(self._at)) + self._text_of - self.start[self._text_of]
        return self._at[place < sizes[self._text_of]]
