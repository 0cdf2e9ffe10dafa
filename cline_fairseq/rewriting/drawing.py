"""Drawing: which words of a text can be replaced, and a random candidate for each of them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .kinds import STAND_INS, Kind
from .lexicon import Lexicon
from .tagger import WINDOW, AnyTagger
from .tags import INFLECTIONS, TAGS
from .word_table import WordTable

_IS_VERB = np.isin(TAGS, INFLECTIONS["VERB"])
NUMBERS_PER_WORD = 3  # random numbers that a view uses for a word: priority, kind, candidate


class ViewSpec(NamedTuple):
    """How much of a text a view replaces, and by which kinds of candidates.

    A kind is drawn for each word, with the probability of its weight times the total weight of the
    word's candidates of that kind. With ``one_kind``, it is drawn once per text, by the weights of
    the kinds for which any word of the text has candidates.

    Co-hyponyms stand in at words that this leaves without a candidate, and random words at words
    that have no co-hyponym either. They are used, in this order, only until the view reaches its
    ratio.
    """

    ratio: float  # share of the text to replace, in words or subword tokens
    kinds: Mapping[Kind, float]  # weight of each kind
    antonym_quota: float = 1.0  # no random words if the other kinds cover this fraction of ratio
    one_kind: bool = False


class Words(NamedTuple):
    """The words of many texts, including punctuation and special tokens."""

    rows: np.ndarray  # int (N,), rows of the word table
    text_ids: np.ndarray  # int (N,), the text of each word, ascending
    fixed: np.ndarray  # bool (N,), words that must not be replaced
    lengths: np.ndarray  # int (N,), in the unit of the ratio: 1 per word, or its subword tokens


class ReplaceableWords(NamedTuple):
    """The words that the lexicon has candidates for."""

    word_index: np.ndarray  # int (M,), ascending indices into Words
    entries: np.ndarray  # int (M,), their entries in the lexicon
    articles: np.ndarray  # int (M,), the Article right before each of them


class ViewDraws(NamedTuple):
    """The candidate drawn for each word that a view could replace."""

    text_ids: np.ndarray  # int (D,), ascending
    word_index: np.ndarray  # int (D,), ascending indices into Words
    form_ids: np.ndarray  # int (D,), forms of the lexicon
    kinds: np.ndarray  # int (D,), the Kind of each candidate
    priority: np.ndarray  # float (D,) in [0, 1), the smallest is replaced first


def find_replaceable(
    words: Words, table: WordTable, tagger: AnyTagger, num_texts: int
) -> ReplaceableWords:
    """Tag words and find those that can be replaced.

    Args:
        words: the words of all texts.
        table: what is known of each distinct word.
        tagger: must be the one that the table was built with.
        num_texts: how many texts there are, including empty ones.
    """
    # A text is preceded by WINDOW boundaries, so a word moves by those of the texts up to its own.
    padded_index = np.arange(len(words.rows)) + WINDOW * (words.text_ids + 1)
    padded = np.zeros(len(words.rows) + WINDOW * (num_texts + 1), np.intp)
    padded[padded_index] = words.rows
    tags = tagger.tag_ids(table.tagger_features, padded)[padded_index]
    entries = table.lexicon_entries[words.rows, tags]
    word_index = np.flatnonzero((entries >= 0) & ~words.fixed)
    # The neighbours of a word; at the ends of a text they are boundaries.
    after = padded[padded_index[word_index] + 1]
    word_index = word_index[~(_IS_VERB[tags[word_index]] & table.is_particle[after])]
    before = padded[padded_index[word_index] - 1]
    return ReplaceableWords(word_index, entries[word_index], table.article[before])


def draw_candidates(
    spec: ViewSpec,
    lexicon: Lexicon,
    replaceable: ReplaceableWords,
    text_ids: np.ndarray,
    uniform: np.ndarray,
) -> ViewDraws:
    """Draw a kind and a candidate of this kind for each replaceable word.

    Args:
        spec: the kinds to draw from.
        lexicon: where candidates come from.
        replaceable: the words.
        text_ids: int (M,), the text of each replaceable word.
        uniform: float (NUMBERS_PER_WORD, M) in [0, 1).

    Returns:
        The draws, without the words for which no candidate was found.
    """
    priority, kind_draw, candidate_draw = uniform
    kinds = _draw_kinds(spec, lexicon, replaceable, text_ids, kind_draw)
    able = np.flatnonzero(kinds >= 0)
    form_ids = lexicon.draw(
        replaceable.entries[able], kinds[able], candidate_draw[able], replaceable.articles[able]
    )
    found = form_ids >= 0
    able = able[found]
    return ViewDraws(
        text_ids[able],
        replaceable.word_index[able],
        form_ids[found],
        kinds[able],
        priority[able],
    )


def _draw_kinds(spec, lexicon, replaceable, text_ids, uniform):
    """Draw a kind for each word, or a stand-in if there is no other: int (M,), -1 if there is none.

    Args:
        spec: the kinds to draw from.
        lexicon: where candidates come from.
        replaceable: the words.
        text_ids: int (M,).
        uniform: float (M,) in [0, 1).
    """
    entries, articles = replaceable.entries, replaceable.articles
    drawn = np.full(len(text_ids), -1)
    for kind in reversed(STAND_INS):
        if spec.kinds.get(kind, 0) > 0:
            drawn[lexicon.mass(entries, kind, articles) > 0] = kind
    kinds = [kind for kind, weight in spec.kinds.items() if weight > 0 and kind not in STAND_INS]
    if kinds:
        mass = np.stack([lexicon.mass(entries, kind, articles) for kind in kinds])  # (kinds, M)
        offered = mass
        if spec.one_kind:
            offered = _any_in_text(mass > 0, text_ids)
            uniform = uniform[np.searchsorted(text_ids, text_ids)]  # the first word's number
        weights = np.array([[spec.kinds[kind]] for kind in kinds])
        cumulative = np.cumsum(weights * offered, axis=0)
        some = np.flatnonzero(cumulative[-1] > 0)
        which = (cumulative[:, some] <= uniform[some] * cumulative[-1, some]).sum(axis=0)
        able = mass[which, some] > 0
        drawn[some[able]] = np.array(kinds)[which[able]]
    return drawn


def _any_in_text(mask, text_ids):
    """Whether the mask is set for any word of the same text: bool (kinds, M)."""
    return np.stack([np.bincount(text_ids, row)[text_ids] > 0 for row in mask])
