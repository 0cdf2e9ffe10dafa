"""Matching both views of a text, so that counting tokens does not tell one from the other.

With the ratios of the paper, the synonym view nearly always has more replaced tokens and is longer.
Here the antonym view gets replacements of the synonym view's kinds as well, called fillers, until
both views have the same number of replaced tokens and the same length.
"""

from typing import NamedTuple

import numpy as np

from .kinds import ANTONYM_KINDS
from .segments import first_in_text
from .selection import Proposals, Selection

TOLERANCE = 0.05  # relative difference allowed in replaced tokens; one word is always allowed
# The cost of a difference of one token: in replaced tokens (within the tolerance, beyond it, and
# where a later step can even it out) and in length.
_WITHIN, _BEYOND, _LATER, _LENGTH = 256, 1 << 24, 4, 16
# Extra tokens that a difference (in replaced tokens, in length) counts for if its sign is not the
# drawn one. Long words leave few differences to choose from, and the smallest would more often have
# one of the signs.
_WRONG_SIGN = np.array([[4], [1]])
# If the numbers of replaced tokens are equal, lengths are evened out only beyond this difference.
# Smaller differences have either sign equally often, which evening them out would change.
_LEFT_OVER = 1
_NO_LIMIT = 1 << 48


class Totals(NamedTuple):
    """Sums over the replacements of each text."""

    tokens: np.ndarray  # int (texts,), replaced tokens
    growth: np.ndarray  # int (texts,), by how many tokens the text becomes longer

    def minus(self, other: "Totals") -> "Totals":
        """Subtract other totals."""
        return Totals(self.tokens - other.tokens, self.growth - other.growth)


def match_edits(
    synonym: Selection,
    antonym: Selection,
    fillers: Proposals,
    uniform: np.ndarray,
    room: np.ndarray | None,
) -> tuple[Selection, Selection]:
    """Fill up the antonym view until both views have the same length and as many replaced tokens.

    1. Fillers are added to the antonym view.
    2. If these are not enough, replacements of the synonym view are undone.
    3. If the antonym view now has more of them, some of its own are undone: fillers first, then
       random words, co-hyponyms and antonyms.
    4. If one of the views is still longer, the same number of tokens is undone in both.

    A view that had any replacement keeps one that is not a filler.

    Args:
        synonym: the replacements of the synonym view.
        antonym: the replacements of the antonym view.
        fillers: replacements of the synonym view's kinds, for the antonym view.
        uniform: float (2, texts) in [0, 1), which view gets what cannot be evened out: of replaced
            tokens and of length.
        room: int (texts,), by how much each text may grow; None if no replacement is longer than
            its word.

    Returns:
        The new replacements of the synonym view and of the antonym view.
    """
    num_texts = uniform.shape[1]
    room = np.full(num_texts, _NO_LIMIT) if room is None else room
    signs = np.where(uniform < 0.5, -1, 1)  # 1: the antonym view has more, or is longer
    target, found = _totals(synonym, num_texts), _totals(antonym, num_texts)
    words = np.bincount(synonym.proposals.text_ids[synonym.mask], minlength=num_texts)
    one_word = target.tokens // np.maximum(words, 1)

    # 1. Add fillers.
    free = ~np.isin(fillers.word_index, antonym.proposals.word_index[antonym.mask])
    limits = (-_NO_LIMIT, room - found.growth)
    tolerance = _tolerance(target, one_word)
    filled = _nearest(fillers, free, target.minus(found), tolerance, limits, signs, later=-1)
    antonym = _join_last_first(antonym, Selection(fillers, filled))
    found = _totals(antonym, num_texts)

    # 2. Undo replacements of the synonym view.
    spare = synonym.mask & ~_kept_of(synonym, room)
    limits = (target.growth - room, _NO_LIMIT)
    want = target.minus(found)
    undone = _nearest(synonym.proposals, spare, want, tolerance, limits, signs, later=1)
    synonym = Selection(synonym.proposals, synonym.mask & ~undone)
    target = _totals(synonym, num_texts)

    # 3. Undo replacements of the antonym view.
    tolerance = _tolerance(target, one_word)
    spare = ~_nearest_opposite(antonym, target, room)
    limits = (found.growth - room, _NO_LIMIT)
    want = found.minus(target)
    undone = _nearest(antonym.proposals, spare, want, tolerance, limits, -signs)
    antonym = Selection(antonym.proposals, ~undone)

    # 4. Of texts that still differ in length, either view can be the longer one. Replacements that
    # grow go first, and then those that do not, together with replacements that shrink.
    kept = _shortest_opposite(antonym), _kept_of(synonym, room)
    for above in (0, -1):
        growth = [_totals(view, num_texts).growth for view in (antonym, synonym)]
        antonym, synonym = _even_lengths(
            (antonym, kept[0]),
            (synonym, kept[1]),
            growth[0] > growth[1],
            room,
            tolerance,
            signs,
            above,
        )
        synonym, antonym = _even_lengths(
            (synonym, kept[1]),
            (antonym, kept[0]),
            growth[1] > growth[0],
            room,
            tolerance,
            -signs,
            above,
        )
    return synonym, antonym


def _kept_of(synonym, room):
    """The replacement of each text that the synonym view must keep: bool (D,)."""
    fits = _fits(synonym.proposals, room)
    return first_in_text(synonym.proposals.text_ids, synonym.mask & fits)


def _nearest_opposite(antonym, target, room):
    """The replacement of each text that the antonym view must keep: bool (D,).

    Of those that are no filler and fit, the last one that is not longer than the synonym view's
    replacements are together, or the one that is longer by least.
    """
    proposals = antonym.proposals
    fits = _fits(proposals, room) & np.isin(proposals.kinds, list(ANTONYM_KINDS))
    index = np.flatnonzero(antonym.mask & fits)
    text_ids = proposals.text_ids[index]
    excess = (proposals.new_lengths[index] - target.tokens[text_ids]).clip(0)
    order = np.lexsort((-index, excess, text_ids))
    kept = np.zeros(len(antonym.mask), bool)
    kept[index[order[np.diff(text_ids[order], prepend=-1) != 0]]] = True
    return kept


def _shortest_opposite(antonym):
    """The replacement of each text that is no filler and grows least: bool (D,)."""
    proposals = antonym.proposals
    index = np.flatnonzero(antonym.mask & np.isin(proposals.kinds, list(ANTONYM_KINDS)))
    growth = (proposals.new_lengths - proposals.old_lengths)[index]
    order = index[np.lexsort((growth, proposals.text_ids[index]))]
    kept = np.zeros(len(antonym.mask), bool)
    kept[order[np.diff(proposals.text_ids[order], prepend=-1) != 0]] = True
    return kept


def _even_lengths(longer, shorter, where, room, tolerance, signs, above):
    """Undo as many tokens in both views: in the longer one those of replacements that grow more.

    Args:
        longer: the selection of a view, and which part of it to keep, bool (D,).
        shorter: the same for the other view.
        where: bool (texts,), the texts in which the first view is longer.
        room: int (texts,), by how much each text may grow.
        tolerance: int (texts,), by how many replaced tokens the views may differ.
        signs: int (2, texts), whether the first view should have more replaced tokens (1) or
            fewer (-1) if they cannot be equal, and the same for length.
        above: the growth of a replacement that the longer view undoes is more, and that of one
            that the shorter view undoes is not.

    Returns:
        The new selections of both views.
    """
    (longer, kept), (shorter, kept_too) = longer, shorter
    proposals = longer.proposals, shorter.proposals
    long, short = (_totals(selection, len(where)) for selection in (longer, shorter))
    grow = [p.new_lengths - p.old_lengths > above for p in proposals]
    able = longer.mask & ~kept & grow[0], shorter.mask & ~kept_too & ~grow[1]
    for part, mask in zip(proposals, able, strict=True):  # a text needs some in both views
        where = where & (np.bincount(part.text_ids[mask], minlength=len(where)) > 0)
    able = [mask & where[part.text_ids] for part, mask in zip(proposals, able, strict=True)]
    prefixes = [
        _Prefixes(part, np.flatnonzero(mask), len(where))
        for part, mask in zip(proposals, able, strict=True)
    ]
    limits = (-_NO_LIMIT, room - short.growth)
    undone = _best(*prefixes, -1, long.minus(short), tolerance, limits, -signs)
    masks = longer.mask.copy(), shorter.mask.copy()
    for mask, items in zip(masks, undone, strict=True):
        mask[items] = False
    return tuple(map(Selection, proposals, masks))


def _tolerance(totals, one_word):
    return np.maximum((TOLERANCE * totals.tokens).astype(np.int64), np.maximum(one_word, 1))


def _totals(selection, num_texts):
    proposals, mask = selection
    text_ids, new = proposals.text_ids[mask], proposals.new_lengths[mask]
    old = proposals.old_lengths[mask]
    tokens = np.bincount(text_ids, new, num_texts).astype(np.int64)
    return Totals(tokens, tokens - np.bincount(text_ids, old, num_texts).astype(np.int64))


def _fits(proposals, room):
    """Which replacements fit on their own: bool (D,). Each view has one that does."""
    return proposals.new_lengths - proposals.old_lengths <= room[proposals.text_ids]


def _join_last_first(*selections):
    """Join selections; within each text, from the last item of the last selection backwards."""
    columns = zip(*(proposals.where(mask) for proposals, mask in selections), strict=True)
    joined = Proposals(*(np.concatenate(column)[::-1] for column in columns))
    joined = joined.where(np.argsort(joined.text_ids, kind="stable"))
    return Selection(joined, np.ones(len(joined.text_ids), bool))


def _nearest(proposals, pool, want, tolerance, limits, signs, later=0):
    """Choose the items of a pool whose totals are nearest to the wanted ones: bool (D,).

    Of the items that grow, and of those that do not, a prefix is chosen. Each prefix of growing
    items is tried with the prefixes of other items that bring the sum nearest to the wanted one.

    Args:
        proposals: the replacements.
        pool: bool (D,), the items to choose from.
        want: the wanted totals; nothing is chosen where they are already reached.
        tolerance: int (texts,), by how many replaced tokens the views may differ.
        limits: the smallest and the greatest growth, each int (texts,) or int.
        signs: int (2, texts), whether more (1) or fewer (-1) replaced tokens are better if both
            are about equally near, and the same for growth.
        later: whether a later step can even out too many (1) or too few (-1) tokens; 0: neither.
    """
    chosen = np.zeros(len(pool), bool)
    needed = (want.tokens > 0) | ((want.tokens == 0) & (want.growth > _LEFT_OVER))
    index = np.flatnonzero(pool & needed[proposals.text_ids])
    if not len(index):
        return chosen
    grows = proposals.new_lengths[index] > proposals.old_lengths[index]
    growing, others = (
        _Prefixes(proposals, index[part], len(want.tokens)) for part in (grows, ~grows)
    )
    for items in _best(growing, others, 1, want, tolerance, limits, signs, later):
        chosen[items] = True
    return chosen


def _best(growing, others, sign, want, tolerance, limits, signs, later=0):
    """Choose one prefix of each of both sorts, whose sum is nearest to the wanted totals.

    With ``sign`` -1 it is their difference instead of their sum. The limits apply to the growth of
    the sum, or to the loss by the others in a difference. The other arguments are those of
    :func:`_nearest`.

    Returns:
        The indices of the chosen proposals: the growing ones, and the others.
    """
    num_texts = len(want.tokens)
    # Pairs to compare: each prefix of the growing items, with the prefixes of the others just below
    # and just above the wanted number; and the empty pair, which alone is sure to keep the limits.
    rest = sign * (want.tokens[growing.text_ids] - growing.tokens)
    below = others.last_within(growing.text_ids, rest.clip(0))
    above = np.minimum(below + 1, others.end[growing.text_ids] - 1)
    i = np.concatenate([np.tile(np.arange(len(growing.text_ids)), 2), growing.start])
    j = np.concatenate([below, above, others.start])
    text_ids, growth = growing.text_ids[i], growing.growth[i] + sign * others.growth[j]
    more = growing.tokens[i] + sign * others.tokens[j] - want.tokens[text_ids]
    longer = growth - want.growth[text_ids]
    beyond = (abs(more) - tolerance[text_ids]).clip(0)
    wrong = _WRONG_SIGN * (np.sign([more, longer]) == -signs[:, text_ids])
    cost = _WITHIN * (abs(more) + wrong[0]) + _BEYOND * beyond
    cost = np.where(np.sign(more) == later, _LATER * abs(more), cost)
    cost += _LENGTH * (abs(longer) + wrong[1])
    least, most = (np.broadcast_to(limit, num_texts)[text_ids] for limit in limits)
    limited = growth if sign > 0 else -others.growth[j]
    cost[(limited < least) | (limited > most)] = _NO_LIMIT
    order = np.lexsort((cost, text_ids))
    best = order[np.searchsorted(text_ids[order], np.arange(num_texts))]
    return growing.items(i[best]), others.items(j[best])


class _Prefixes:
    """The totals of the first 0, 1, 2, ... replacements of each text."""

    def __init__(self, proposals, index, num_texts):
        """``index`` int (M,) selects the proposals, which have M + num_texts prefixes."""
        self._index, self._text_of = index, proposals.text_ids[index]
        sizes = np.bincount(self._text_of, minlength=num_texts) + 1
        self.end = np.cumsum(sizes)
        self.start = self.end - sizes
        self.text_ids = np.repeat(np.arange(num_texts), sizes)
        new = proposals.new_lengths[index]
        self.tokens, self.growth = self._sums(new), self._sums(new - proposals.old_lengths[index])
        self._scale = int(self.tokens.max()) + 1
        self._keys = self.text_ids * self._scale + self.tokens

    def _sums(self, values):
        sums = np.zeros(len(self.text_ids), np.int64)
        sums[np.arange(len(values)) + self._text_of + 1] = values
        sums = np.cumsum(sums)
        return sums - sums[self.start][self.text_ids]

    def last_within(self, text_ids, tokens):
        """The longest prefix of each text (N,) that has at most ``tokens`` (N,) tokens."""
        keys = text_ids * self._scale + np.minimum(tokens, self._scale - 1)
        return np.searchsorted(self._keys, keys, side="right") - 1

    def items(self, prefixes):
        """Indices into the proposals of the items in one prefix of each text."""
        sizes = prefixes - self.start
        place = np.arange(len(self._index)) + self._text_of - self.start[self._text_of]
        return self._index[place < sizes[self._text_of]]
