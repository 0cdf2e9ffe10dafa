from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cline_fairseq.errors import InputError
from cline_fairseq.preprocessing.cleaning import (
    BLANK,
    Cleaning,
    RecentLines,
    clean_lines,
    line_hashes,
)
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
    lines, left_out = clean(text, min_letters=0.5)
    assert (lines[3], left_out) == ("A long line of text", Counter({"not text": 1}))
    lines, left_out = clean("\n\n" + text + "\n\n", drop_blank=True)
    assert lines.count("") == 2
    assert lines[0]
    assert left_out == Counter({"blank": 4})
    # Behind a piece that ends within a document, the first blank line is its end.
    assert clean("\n\nx\n", starts_document=False, drop_blank=True)[0] == ["", "x"]


def test_a_line_left_out_ends_no_document():
    text = "One\n12345\nTwo\n\nThree\n"
    assert clean(text, min_letters=0.5)[0] == ["One", "Two", "", "Three"]


def test_undecodable_bytes():
    text = b"fine\nna\xefve\nfine too\n"
    with pytest.raises(InputError, match=r"t\.txt, line 8: byte 3 is no UTF-8 .*--errors"):
        clean(text, line=7)
    lines, left_out = clean(text, errors="replace")
    assert (lines[1], left_out) == ("na\ufffdve", Counter({"undecodable, replaced": 1}))
    assert clean(text, errors="skip") == (["fine", "fine too"], Counter({"undecodable": 1}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_chars": -1}, "--max-chars must be positive, or 0, not -1"),
        ({"min_letters": 1.5}, "--min-letters must be a share from 0 to 1, not 1.5"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Cleaning(**options).checked()


@given(st.lists(st.lists(st.sampled_from(["", "a", "b", "c", "dd", "é"]), max_size=8), max_size=8))
def test_repeated_lines_against_a_set(chunks):
    recent, seen = RecentLines(1 << 12), set()
    for lines in chunks:
        found = recent.repeated(line_hashes(lines)) if lines else []
        for line, repeated in zip(lines, found, strict=True):
            assert repeated == (line in seen and line != "")
            seen.add(line)


def test_old_lines_are_forgotten_and_new_ones_never_left_out():
    recent = RecentLines(64)
    hashes = np.random.default_rng(0).permutation(np.arange(1, 100_000, dtype=np.uint64))
    for chunk in np.split(hashes[:99_000], 99):
        assert not recent.repeated(chunk).any()
    assert recent.repeated(hashes[98_999:99_000]).all()
    assert not recent.repeated(np.full(3, BLANK)).any()
