"""Building a lexicon: inflections, shares, contradictions."""

import pytest

from cline_fairseq.rewriting.kinds import Kind
from cline_fairseq.rewriting.wordnet import (
    MAX_CANDIDATES,
    Lemma,
    _drop_contradictions,
    _inflect,
    _left_out,
    _strongest,
)


@pytest.mark.parametrize(
    ("text", "pos", "tag", "form"),
    [
        ("mouse", "NOUN", "NNS", "mice"),
        ("motor vehicle", "NOUN", "NNS", "motor vehicles"),
        ("point of view", "NOUN", "NNS", "points of view"),
        ("go", "VERB", "VBD", "went"),
        ("walk", "VERB", "VBN", "walked"),
        ("look at", "VERB", "VBG", "looking at"),
        ("good", "ADJ", "JJR", "better"),
        ("beautiful", "ADJ", "JJR", None),
        ("out of date", "ADJ", "JJ", "out of date"),
        ("blogify", "VERB", "VBZ", "blogifies"),
    ],
)
def test_inflections(text, pos, tag, form):
    assert _inflect(Lemma(text, pos)).get(tag, (None,))[0] == form


def test_strongest_candidates():
    weights = {Lemma(f"w{i:02}", "NOUN"): 1.0 for i in range(40)}
    weights[Lemma("heavy", "NOUN")] = 5.0
    found = _strongest(weights)
    assert len(found) == MAX_CANDIDATES
    assert found[0] == (Lemma("heavy", "NOUN"), 5 / 20)
    assert [lemma.text for lemma, _ in found[1:3]] == ["w00", "w01"]  # names settle ties


def test_an_antonym_is_nothing_else():
    word = Lemma("cold", "ADJ")
    kinds = {(kind, word): 1.0 for kind in (Kind.SYNONYM, Kind.ANTONYM, Kind.INDIRECT_ANTONYM)}
    _drop_contradictions(kinds)
    assert set(kinds) == {(Kind.ANTONYM, word)}
    kinds = {(kind, word): 1.0 for kind in (Kind.HYPERNYM, Kind.INDIRECT_ANTONYM)}
    _drop_contradictions(kinds)
    assert set(kinds) == {(Kind.HYPERNYM, word)}


@pytest.mark.parametrize(
    ("text", "pos", "left_out"),
    [
        ("be", "VERB", True),
        ("not", "ADV", True),
        ("papers", "NOUN", True),
        ("paper", "NOUN", False),
        ("bus", "NOUN", False),
        ("slur", "NOUN", True),
    ],
)
def test_left_out(text, pos, left_out):
    assert _left_out(Lemma(text, pos), blocked={"slur"}) == left_out
