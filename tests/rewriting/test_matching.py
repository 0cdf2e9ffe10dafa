"""Matched views of a text do not depend on the other texts of a batch."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cline_fairseq.rewriting import Kind
from cline_fairseq.rewriting.kinds import ANTONYM_KINDS, SYNONYM_KINDS
from cline_fairseq.rewriting.matching import match_edits
from cline_fairseq.rewriting.selection import Proposals, Selection

LENGTHS = st.integers(1, 4)
WORDS = 10  # of a text


def items(kinds):
    """Replacements of a text: kind, length of the word and of its replacement."""
    return st.lists(st.tuples(st.sampled_from(list(kinds)), LENGTHS, LENGTHS), max_size=8)


TEXT = st.tuples(
    items(SYNONYM_KINDS),
    items(ANTONYM_KINDS),
    items(SYNONYM_KINDS),
    st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
    st.integers(0, 4),
)


def proposals_of(parts):
    """The replacements of several texts, of the first words of each text."""
    rows = [
        (text_id, WORDS * text_id + word, word, kind, old, new)
        for text_id, part in enumerate(parts)
        for word, (kind, old, new) in enumerate(part)
    ]
    return Proposals(*np.array(rows, np.int64).reshape(-1, 6).T)


def within(proposals, room):
    """Select replacements from the first on, as long as they fit into the room of their text."""
    mask, left = np.zeros(len(proposals.text_ids), bool), list(room)
    for i, text_id in enumerate(proposals.text_ids.tolist()):
        growth = proposals.new_lengths[i] - proposals.old_lengths[i]
        if growth <= left[text_id]:
            mask[i] = True
            left[text_id] -= growth
    return Selection(proposals, mask)


def matched(texts):
    """The replacements of both views of each text: form, kind, length of the word and its own."""
    synonym, antonym, fillers = (proposals_of([text[i] for text in texts]) for i in range(3))
    uniform = np.array([text[3] for text in texts]).T
    room = np.array([text[4] for text in texts])
    views = match_edits(within(synonym, room), within(antonym, room), fillers, uniform, room)
    return [
        [np.stack(p.where(mask & (p.text_ids == i))[2:], axis=1).tolist() for p, mask in views]
        for i in range(len(texts))
    ]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(texts=st.lists(TEXT, min_size=2, max_size=4))
def test_a_text_in_a_batch_is_matched_as_alone(texts):
    assert matched(texts) == [matched([text])[0] for text in texts]


def lengths_of(*text):
    """Old and new lengths of what both views of a text replace, without a limit of growth."""
    synonym, antonym = matched([(*text, [], (0.7, 0.2), 40)])[0]
    return [[tuple(item[2:]) for item in view] for view in (synonym, antonym)]


def test_the_antonym_that_stays_is_as_long_as_the_synonyms():
    """With one synonym, one antonym stays: not the first, which has two tokens more."""
    synonyms = [(Kind.SYNONYM, 1, 1)]
    antonyms = [(Kind.ANTONYM, 1, 3), (Kind.ANTONYM, 1, 1)]
    assert lengths_of(synonyms, antonyms) == [[(1, 1)], [(1, 1)]]


def test_the_longer_view_is_made_shorter_whichever_it_is():
    growing, even = (Kind.SYNONYM, 1, 2), (Kind.SYNONYM, 2, 2)
    view = [even, growing], [(Kind.ANTONYM, 2, 2), (Kind.ANTONYM, 2, 2)]
    assert lengths_of(*view) == [[(2, 2)], [(2, 2)]]
    view = [even, even], [(Kind.ANTONYM, 2, 2), (Kind.ANTONYM, 1, 2)]
    assert lengths_of(*view) == [[(2, 2)], [(2, 2)]]


def test_replacements_that_shrink_are_undone_too():
    even, shrinking = (Kind.SYNONYM, 2, 2), (Kind.SYNONYM, 3, 2)
    view = [even, shrinking], [(Kind.ANTONYM, 2, 2), (Kind.ANTONYM, 2, 2)]
    assert lengths_of(*view) == [[(2, 2)], [(2, 2)]]
