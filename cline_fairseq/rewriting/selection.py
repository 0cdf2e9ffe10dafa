"""Selecting replacements among the candidates drawn, until a view reaches its ratio."""

from typing import NamedTuple

import numpy as np

from .drawing import ViewDraws, ViewSpec, Words
from .kinds import STAND_INS, Kind
from .segments import cumsum_from_start, cumsum_to_end, random_order


class Proposals(NamedTuple):
    """The replacements that a view can make, by text and in the order in which to try them."""

    text_ids: np.ndarray  # int (D,), ascending
    word_index: np.ndarray  # int (D,), indices into Words
    form_ids: np.ndarray  # int (D,), forms of the lexicon
    kinds: np.ndarray  # int (D,), the Kind of each replacement
    old_lengths: np.ndarray  # int (D,), length of the word, in the unit of Words.lengths
    new_lengths: np.ndarray  # int (D,), length of the replacement

    def where(self, index: np.ndarray) -> "Proposals":
        """Select some of them, by a mask or by indices."""
        return Proposals(*(column[index] for column in self))


class Selection(NamedTuple):
    """Proposals, and which of them a view makes."""

    proposals: Proposals
    mask: np.ndarray  # bool (D,)


class Replacements(NamedTuple):
    """The replacements of a view, in the order of the words."""

    word_index: np.ndarray  # int (R,), ascending indices into Words
    form_ids: np.ndarray  # int (R,), forms of the lexicon
    kinds: np.ndarray  # int (R,), the Kind of each replacement
    lengths: np.ndarray  # int (R,), in the unit of Words.lengths

    @classmethod
    def of(cls, selection: Selection) -> "Replacements":
        """The proposals that were selected."""
        index = np.flatnonzero(selection.mask)
        proposals = selection.proposals
        index = index[np.argsort(proposals.word_index[index])]
        return cls(
            proposals.word_index[index],
            proposals.form_ids[index],
            proposals.kinds[index],
            proposals.new_lengths[index],
        )


def propose(
    spec: ViewSpec,
    words: Words,
    draws: ViewDraws,
    new_lengths: np.ndarray,
    totals: np.ndarray,
) -> Proposals:
    """Drop the draws that a view must not use, and order the others.

    Stand-ins come after all other kinds; otherwise the order is random.

    Args:
        spec: of the view.
        words: the words of all texts.
        draws: the candidate of each word.
        new_lengths: int (D,), lengths of the candidates; 0 for one that cannot be written.
        totals: int (texts,), lengths of the texts, which the ratio refers to.
    """
    text_ids, kinds = draws.text_ids, draws.kinds
    if spec.antonym_quota < 1:
        is_random = kinds == Kind.RANDOM
        supply = np.bincount(text_ids, np.where(is_random, 0, new_lengths), minlength=len(totals))
        enough = supply >= spec.antonym_quota * spec.ratio * totals
        new_lengths = np.where(is_random & enough[text_ids], 0, new_lengths)
    able = np.flatnonzero(new_lengths)
    tier = np.zeros(len(able), np.int64)
    for i, stand_in in enumerate(STAND_INS, 1):
        tier[kinds[able] == stand_in] = i
    order = able[random_order(text_ids[able], tier, draws.priority[able])]
    word_index = draws.word_index[order]
    return Proposals(
        text_ids[order],
        word_index,
        draws.form_ids[order],
        kinds[order],
        words.lengths[word_index],
        new_lengths[order],
    )


def select(
    proposals: Proposals, ratio: float, totals: np.ndarray, room: np.ndarray | None
) -> Selection:
    """Select proposals from the first on, while they bring the view closer to its ratio.

    At least one is selected if there is any. If a text would grow by more than its room, the last
    ones that make it longer are left out, and ones that do not are selected instead.

    Args:
        proposals: the replacements that can be made.
        ratio: share of the view to replace.
        totals: int (texts,), lengths of the texts, which the ratio refers to.
        room: int (texts,), by how much each text may grow; None if no replacement is longer than
            its word.
    """
    text_ids, growth = proposals.text_ids, proposals.new_lengths - proposals.old_lengths
    if ratio <= 0:
        return Selection(proposals, np.zeros(len(text_ids), bool))
    every = np.ones(len(text_ids), bool)
    selected = _nearest_ratio(every, proposals, ratio, totals)
    if room is None:
        return Selection(proposals, selected)
    grown = np.bincount(text_ids[selected], growth[selected], len(totals)).astype(np.int64)
    excess = (grown - room)[text_ids]
    # The growth by all later replacements of the text.
    growing = np.where(selected & (growth > 0), growth, 0)
    later = cumsum_to_end(growing, text_ids, len(totals)) - growing
    left_out = (excess > 0) & (growth > 0) & (~selected | (later < excess))
    if left_out.any():
        selected = _nearest_ratio(~left_out, proposals, ratio, totals)
    return Selection(proposals, selected)


def _nearest_ratio(allowed, proposals, ratio, totals):
    """Select allowed proposals, in order, until one more would miss the ratio by more."""
    text_ids, num_texts = proposals.text_ids, len(totals)
    new = np.where(allowed, proposals.new_lengths, 0)
    old = np.where(allowed, proposals.old_lengths, 0)
    replaced = cumsum_from_start(new, text_ids, num_texts)
    length = totals[text_ids] + replaced - cumsum_from_start(old, text_ids, num_texts)
    first = cumsum_from_start(allowed.astype(np.int64), text_ids, num_texts) == 1
    return allowed & (first | (replaced - new / 2 <= ratio * length))
