import pytest
from hypothesis import given
from hypothesis import strategies as st

from cline_fairseq.runtime.terminal import cell, from_cell, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("\x9b2J\u202eabc", r"\x9b2J\u202eabc"),
        ("a\tb\nc", "a\tb\nc"),
        ("naïve 犬\u200d \u00a0", "naïve 犬\u200d \u00a0"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_one_line():
    assert printable("a\nb", layout="") == r"a\nb"


def test_cells():
    texts = ["=1+1", "+a", "-a", "@a", "\ta", "'=1", "''-a"]
    assert list(map(cell, texts)) == [f"'{text}" for text in texts]
    same = ["a=b", "", "'a'", "'", " =", -1, -0.5, None]
    assert list(map(cell, same)) == same


@given(st.text("'=-+@\t a") | st.text())
def test_cells_are_read_as_written(text):
    assert from_cell(cell(text)) == text
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
