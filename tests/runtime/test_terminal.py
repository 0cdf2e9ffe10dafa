import pytest

from cline_fairseq.runtime.terminal import cell, printable


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
    texts = ["=1+1", "+a", "-a", "@a", "\ta"]
    assert list(map(cell, texts)) == [f"'{text}" for text in texts]
    same = ["a=b", "", -1, -0.5, None]
    assert list(map(cell, same)) == same
