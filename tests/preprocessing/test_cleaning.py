from collections import Counter
from pathlib import Path

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.preprocessing.cleaning import Cleaning, clean_lines
from cline_fairseq.preprocessing.reading import Block


def clean(text, line=1, starts_document=True, **options):
    data = text if isinstance(text, bytes) else text.encode()
    block = Block(Path("t.txt"), line, starts_document, data, len(data))
    lines, left_out = clean_lines(block, Cleaning(**options).checked())
    return lines, +left_out


def test_lines_are_stripped_and_nothing_else():
    lines, left_out = clean("  Two words\t\r\n\n\u2028x\u00a0\n \n\n")
    assert lines == ["Two words", "", "x", "", ""]
    assert not left_out


def test_each_reason():
    text = "e\u0301t\u00e9\n\n\n1234 5678 ....\nA long line of text\nShort\n"
    assert clean(text, normalize="NFC")[0][0] == "\u00e9t\u00e9"
    assert clean("\ufb01ne\n", normalize="NFKC")[0] == ["fine"]
    lines, left_out = clean(text, max_chars=14)
    assert (lines[-1], left_out) == ("Short", Counter({"too long": 1}))
    lines, left_out = clean("\n\n" + text + "\n\n", drop_blank=True)
    assert lines.count("") == 2
    assert lines[0]
    assert left_out == Counter({"blank": 4})
    # After a block that ends within a document, the first blank line is its end.
    assert clean("\n\nx\n", starts_document=False, drop_blank=True)[0] == ["", "x"]


def test_a_line_left_out_ends_no_document():
    text = "One\n1234567\nTwo\n\nThree\n"
    assert clean(text, max_chars=6)[0] == ["One", "Two", "", "Three"]


def test_undecodable_bytes():
    text = b"fine\nna\xefve\nfine too\n"
    with pytest.raises(InputError, match=r"t\.txt, line 8: byte 3 is not UTF-8 .*--errors"):
        clean(text, line=7)
    lines, left_out = clean(text, errors="replace")
    assert (lines[1], left_out) == ("na\ufffdve", Counter({"undecodable, replaced": 1}))
    assert clean(text, errors="skip") == (["fine", "fine too"], Counter({"undecodable": 1}))


def test_bad_option():
    with pytest.raises(InputError, match="--max-chars must be positive, or 0, not -1"):
        Cleaning(max_chars=-1).checked()
