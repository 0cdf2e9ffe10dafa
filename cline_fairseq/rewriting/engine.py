"""The engine: chooses the replacements of both views for words that a front end prepared."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .drawing import (
    NUMBERS_PER_WORD,
    ViewDraws,
    ViewSpec,
    Words,
    draw_candidates,
    find_replaceable,
)
from .kinds import ANTONYM_KINDS, SYNONYM_KINDS, Kind, format_kinds
from .lexicon import Lexicon
from .matching import match_edits as match
from .segments import draw_uniform
from .selection import Replacements, propose, select
from .tagger import AnyTagger
from .word_table import WordTable

# Version of the algorithm. Increase it when the same text, seed and epoch give other views:
# checkpoints record it, and a resumed run warns when it has changed.
VERSION = 4


class Draws(NamedTuple):
    """The candidates drawn for many texts, before the front end has measured them."""

    # Of the synonym view, of the antonym view and, with match_edits, of the synonym view's kinds
    # for the antonym view.
    views: tuple[ViewDraws, ...]
    replaceable: np.ndarray  # int (M,), ascending indices of the words that can be replaced
    signs: np.ndarray | None  # float (2, texts), random numbers for match_edits


class Engine:
    """Chooses the replacements of both views.

    A front end turns texts into :class:`.drawing.Words`, calls :meth:`draw`, measures the
    candidates in its own unit (words or subword tokens), and calls :meth:`select`.

    Args:
        lexicon, tagger, synonym_ratio, antonym_ratio, seed, synonym_kinds, antonym_kinds,
        enough_antonyms, match_edits, one_kind_per_text: see
            :class:`~cline_fairseq.rewriting.Rewriter`.

    Attributes:
        views: the specifications of the synonym view and of the antonym view.

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
        self.lexicon, self.tagger, self.seed = lexicon, tagger, seed
        self.match_edits = match_edits
        self.views = (
            ViewSpec(synonym_ratio, dict(synonym_kinds), 1.0, one_kind_per_text),
            ViewSpec(antonym_ratio, dict(antonym_kinds), enough_antonyms, one_kind_per_text),
        )
        for name, spec in zip(("synonym", "antonym"), self.views, strict=True):
            _check(name, spec)

    @property
    def kinds(self) -> tuple[list[Kind], list[Kind]]:
        """The kinds of replacements that the synonym view and the antonym view can contain."""
        synonym, antonym = ([k for k, w in spec.kinds.items() if w > 0] for spec in self.views)
        fillers = [k for k in synonym if k not in antonym] if self.match_edits else []
        return synonym, antonym + fillers

    def new_table(self) -> WordTable:
        """An empty table of words, for a front end to fill."""
        return WordTable(self.lexicon, self.tagger)

    def draw(self, words: Words, table: WordTable, epoch: int, indices: Sequence[int]) -> Draws:
        """Find the words that can be replaced, and draw a candidate for each of them.

        Args:
            words: the words of all texts.
            table: from :meth:`new_table`, with a row for each distinct word.
            epoch: of training; each epoch has draws of its own.
            indices: the number of each text in the corpus.
        """
        replaceable = find_replaceable(words, table, self.tagger, len(indices))
        text_ids = words.text_ids[replaceable.word_index]
        counts = np.bincount(text_ids, minlength=len(indices)).tolist()
        generators = [np.random.default_rng((self.seed, epoch, index)) for index in indices]

        def draw_view(spec, uniform):
            return draw_candidates(spec, self.lexicon, replaceable, text_ids, uniform)

        uniform = draw_uniform(generators, (len(self.views), NUMBERS_PER_WORD), counts)
        views = list(map(draw_view, self.views, uniform))
        signs = None
        if self.match_edits:
            # Drawn last, so that the draws above are the same with and without match_edits.
            for_fillers = draw_uniform(generators, (NUMBERS_PER_WORD,), counts)
            if self.views[0].one_kind:
                for_fillers[1] = uniform[0, 1]  # the synonym view's kind
            views.append(draw_view(self.views[0], for_fillers))
            signs = draw_uniform(generators, (2,), [1] * len(generators))
        return Draws(tuple(views), replaceable.word_index, signs)

    def select(
        self,
        words: Words,
        draws: Draws,
        lengths: Sequence[np.ndarray],
        totals: np.ndarray,
        room: np.ndarray | None = None,
    ) -> tuple[Replacements, Replacements]:
        """Select the replacements of the synonym view and of the antonym view.

        Args:
            words: the words of all texts, as passed to :meth:`draw`.
            draws: what it returned.
            lengths: for each of ``draws.views``, int (D,), the lengths of its candidates in the
                unit of ``words.lengths``; 0 for a candidate that cannot be written.
            totals: int (texts,), lengths of the texts without what never counts.
            room: int (texts,), by how much each text may grow; None if no replacement is longer
                than its word.
        """
        specs = (*self.views, self.views[0])[: len(draws.views)]
        proposals = [
            propose(spec, words, view, new_lengths, totals)
            for spec, view, new_lengths in zip(specs, draws.views, lengths, strict=True)
        ]
        synonym, antonym = (
            select(proposed, spec.ratio, totals, room)
            for proposed, spec in zip(proposals[:2], self.views, strict=True)
        )
        if draws.signs is not None:
            synonym, antonym = match(synonym, antonym, proposals[2], draws.signs, room)
        return Replacements.of(synonym), Replacements.of(antonym)


def _check(name, spec):
    if not 0 <= spec.ratio <= 1:
        raise InputError(f"the {name} ratio must be from 0 to 1, not {spec.ratio}")
    weights = spec.kinds.values()
    if any(weight < 0 for weight in weights) or not any(weights):
        raise InputError(
            f"the weights of the {name} kinds must not be negative or all 0, but are "
            f"{format_kinds(spec.kinds)}"
        )
    quota = spec.antonym_quota
    if not 0 <= quota <= 1:
        raise InputError(f"enough_antonyms must be from 0 to 1, not {quota}")
