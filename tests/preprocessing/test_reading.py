import gzip
import lzma
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.preprocessing import reading
from cline_fairseq.preprocessing.manifest import file_digest
from cline_fairseq.preprocessing.reading import TextFile

COMPRESS = {".txt": bytes, ".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress}


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", 1000)
    monkeypatch.setattr(reading, "CHUNK", 777)
    monkeypatch.setattr(reading, "MAX_DOCUMENT", 4000)


def check_blocks(blocks, text):
    assert b"".join(block.data for block in blocks) == text
    line = 1
    for block in blocks:
        assert block.line == line
        line += block.data.count(b"\n")
        assert block.data.endswith(b"\n")
    if blocks:
        assert blocks[0].starts_document
    for before, after in pairwise(blocks):
        assert after.starts_document == before.data.endswith(b"\n\n")
        assert before.consumed <= after.consumed


@pytest.mark.parametrize("suffix", COMPRESS)
def test_blocks_are_the_file(corpus, tmp_path, small_blocks, suffix):
    text = (corpus / "train.txt").read_bytes()
    path = tmp_path / f"text{suffix}"
    path.write_bytes(COMPRESS[suffix](text))
    file = TextFile(path)
    blocks = list(file.blocks())
    check_blocks(blocks, text)
    assert all(block.starts_document for block in blocks)
    assert 20 < len(blocks) < len(text) / 1000
    assert blocks[-1].consumed == path.stat().st_size
    assert file.digest == file_digest(path)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.one_of(st.binary(max_size=300).map(lambda b: b.replace(b"\n", b"")), st.just(b"")),
        max_size=60,
    ),
    end=st.sampled_from([b"", b"\n"]),
)
def test_any_text(tmp_path_factory, lines, end):
    path = tmp_path_factory.mktemp("reading") / "text"
    text = b"\n".join(lines) + end
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", 200)
        patch.setattr(reading, "CHUNK", 150)
        patch.setattr(reading, "MAX_DOCUMENT", 700)
        blocks = list(TextFile(path).blocks())
    check_blocks(blocks, text if not text or text.endswith(b"\n") else text + b"\n")
    assert all(len(block.data) < 1500 for block in blocks)


def test_two_streams_in_one_file(tmp_path):
    for suffix in (".gz", ".xz", ".zst"):
        path = tmp_path / f"text{suffix}"
        path.write_bytes(COMPRESS[suffix](b"one\n") + COMPRESS[suffix](b"two\n"))
        assert [block.data for block in TextFile(path).blocks()] == [b"one\ntwo\n"]


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst"])
def test_damaged_files(corpus, tmp_path, suffix):
    path = tmp_path / f"text{suffix}"
    whole = COMPRESS[suffix]((corpus / "train.txt").read_bytes())
    for damaged in (whole[: len(whole) // 2], whole[:-5], b"no archive, but some text\n"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"text\.\w+ is damaged or cut off"):
            list(TextFile(path).blocks())


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\nmore\n"])
@pytest.mark.parametrize("before", [b"", b"a\n" * 30])
def test_the_longest_line(tmp_path, small_blocks, before, end):
    path = tmp_path / "text"
    path.write_bytes(before + b"x" * 50 + end)
    assert b"x" * 50 in b"".join(block.data for block in TextFile(path, 50).blocks())
    with pytest.raises(InputError, match=rf"line {len(before) // 2 + 1} has more than 49 bytes"):
        list(TextFile(path, 49).blocks())


def test_no_lines(tmp_path, small_blocks):
    path = tmp_path / "text"
    path.write_bytes(b"a line\n" + b"x" * 40_000)
    with pytest.raises(InputError, match=r"text, line 2 has more than 20,000 bytes: write one"):
        list(TextFile(path, 20_000).blocks())
    with pytest.raises(MissingFileError, match="no text"):
        TextFile(tmp_path / "missing")
