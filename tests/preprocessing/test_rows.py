"""Rows of JSON lines, Parquet and Arrow are read as the plain text of their documents."""

import random
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cline_fairseq.errors import InputError
from cline_fairseq.preprocessing import reading, rows
from cline_fairseq.preprocessing.corpus_files import open_source
from cline_fairseq.preprocessing.manifest import file_digest
from programs import ROOT
from row_files import COMPRESS, write_rows

FORMATS = [*(f".jsonl{suffix}" for suffix in COMPRESS), ".parquet", ".arrow", ".file.arrow"]


def read(path, *args, **options):
    """The text of a file; its blank lines that were left out."""
    blocks = list(open_source(path, *args, **options).blocks())
    return b"".join(block.data for block in blocks), sum(block.blank for block in blocks)


@pytest.mark.parametrize("end", FORMATS)
def test_as_plain_text(tmp_path, texts, end, monkeypatch):
    documents = ["\n".join(texts[i : i + 3]) for i in range(0, 600, 3)]
    plain = tmp_path / "plain.txt"
    plain.write_text("\n\n".join(documents), encoding="utf-8")
    path = write_rows(tmp_path / f"rows{end}", documents)
    for module in (reading, rows):
        monkeypatch.setattr(module, "CHUNK", 3000)
    monkeypatch.setattr(reading, "BLOCK", 1000)
    expected, source = list(open_source(plain).blocks()), open_source(path)
    found = list(source.blocks())
    assert len(found) > 30
    same = ("line", "starts_document", "data", "blank")
    for name in same:
        assert [getattr(b, name) for b in found] == [getattr(b, name) for b in expected], name
    assert found[-1].consumed == path.stat().st_size
    assert source.digest == file_digest(path)


LINES = st.one_of(
    st.text(max_size=20).map(lambda text: text.replace("\n", " ")),
    st.sampled_from(["", " ", "\r", "\u00a0", "\u3000\t", "x\r"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(LINES, max_size=6), max_size=12))
@example([[""], [], ["a", "", "b", ""]])
def test_each_row_is_a_document(tmp_path_factory, documents):
    """Blank lines within a row are left out and counted, so that they do not end it."""
    folder = tmp_path_factory.mktemp("rows")
    texts = ["\n".join(lines) for lines in documents]
    kept = [[line for line in lines if line.strip()] for lines in documents]
    expected = "\n\n".join("\n".join(lines) for lines in kept) + "\n" * bool(kept)
    for end in (".jsonl", ".parquet"):
        data, blank = read(write_rows(folder / f"rows{end}", texts))
        assert data.decode() == expected
        lines = [text.removesuffix("\n").split("\n") for text in texts]
        assert blank == sum(len(a) - max(len(b), 1) for a, b in zip(lines, kept, strict=True))


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
@pytest.mark.parametrize("end", [".parquet", ".arrow"])
def test_kinds_of_text_columns(tmp_path, kind, end):
    if end == ".parquet" and kind == pa.string_view():
        pytest.skip("pyarrow does not write it")
    path = write_rows(tmp_path / f"rows{end}", ["one", "zwölf"], "body", kind)
    assert read(path, "body")[0] == "one\n\nzwölf\n".encode()


def test_json_lines_as_people_write_them(tmp_path):
    path = tmp_path / "rows.json"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\n  \n{"text": "two"}')
    assert read(path)[0] == b"one\n\ntwo\n"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}')
    assert read(path)[0] == b"one\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": null}', r"line 2: 'text' is null: expected text; fix the row"),
        ('{"text": 5}', r"line 2: 'text' is of type int: expected text"),
        ('{"text": ["a"]}', r"line 2: 'text' is of type list: expected text"),
        ('{"body": "x"}', r"line 2: no 'text' among 'body': specify with --text-field"),
        ("{}", r"line 2: no 'text' among no fields"),
        ('{"text": "x"', r"line 2: not JSON .*: expected one object per line"),
        ("[" * 100_000, r"line 2: not JSON .*: expected one object per line"),
        ('"text"', r"line 2: not a JSON object"),
        ('{"text": "\\ud800"}', r"line 2: 'text' is not valid Unicode \(surrogates not allowed\)"),
        ('{"text": "' + "x\\n" * 40 + '"}', r"line 2 has more than 100 bytes"),
        ('{"text": "' + "x" * 87 + "\\u00e9" * 1 + '"}', r"line 2 has more than 100 bytes"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", '\n{"text": "after"}\n'])
def test_broken_json_lines(tmp_path, line, message, end):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "before"}\n' + line + end)
    limit = 100 if "than 100" in message else 1 << 20
    with pytest.raises(InputError, match=rf"^[^\n]*rows\.jsonl, {message}"):
        read(path, max_line=limit)


def test_lines_of_rows_that_are_too_long(tmp_path):
    texts = ["short", "short\n" + "x" * 90_000 + "\nshort"]
    for end in (".parquet", ".arrow"):
        path = write_rows(tmp_path / f"rows{end}", texts)
        with pytest.raises(InputError, match=r"row 2: a line of 'text' has more than 80,000 bytes"):
            read(path, max_line=80_000)
        assert len(read(path, max_line=90_000)[0]) > 90_000


def test_bytes_that_are_not_utf8(tmp_path):
    paths = [tmp_path / name for name in ("rows.jsonl", "rows.parquet", "rows.arrow")]
    paths[0].write_bytes(b'{"text": "a"}\n{"text": "na\xefve"}\n')
    bad = pa.array([b"a", b"na\xefve"]).view(pa.string())
    for path in paths[1:]:
        write_rows(path, bad)
    for path in paths:
        with pytest.raises(InputError, match=r", (line|row) 2: 'text' is not valid Unicode"):
            read(path)
        assert read(path, errors="replace")[0] == b"a\n\nna\xefve\n"


@pytest.mark.parametrize("end", [".parquet", ".arrow"])
def test_columns_that_are_not_there(tmp_path, end):
    path = write_rows(tmp_path / f"rows{end}", ["a", None])
    with pytest.raises(InputError, match=r"row 2: 'text' is null: expected text"):
        read(path)
    with pytest.raises(InputError, match=r"no 'body' among 'id', 'text': specify with --text-f"):
        read(path, "body")
    with pytest.raises(InputError, match=r"the column 'id' is of type int64: expected text"):
        read(path, "id")


@pytest.mark.parametrize("end", [".parquet", ".arrow", ".file.arrow"])
def test_damaged_files(tmp_path, texts, end):
    path = write_rows(tmp_path / f"rows{end}", texts)
    whole = path.read_bytes()
    for damaged in (b"", b"some text\n", whole[: len(whole) // 2], b"ARROW1" + whole[6:60]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"is not (Parquet|Arrow), or is damaged \("):
            read(path)


PEAK = """
import re, sys
from pathlib import Path
from cline_fairseq.preprocessing.corpus_files import open_source
total = sum(len(block.data) for block in open_source(Path(sys.argv[1])).blocks())
peak = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1]
print(total, int(peak) >> 10)
"""


@pytest.mark.parametrize("end", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet", ".arrow"])
def test_memory_does_not_grow_with_the_file(tmp_path, texts, end):
    """64 MB of text take hardly more than 16."""
    draw, peaks = random.Random(0), []
    for size in (16, 64):
        documents, length = [], 0
        while length < size << 20:
            documents.append("\n".join(draw.sample(texts, 60)))
            length += len(documents[-1])
        path = write_rows(tmp_path / f"rows{size}{end}", documents)
        result = subprocess.run(
            [sys.executable, "-c", PEAK, path], cwd=ROOT, capture_output=True, text=True, check=True
        )
        total, peak = map(int, result.stdout.split())
        assert total >= size << 20
        peaks.append(peak)
    assert peaks[1] < peaks[0] + 24, peaks  # MB


def test_repetitive_text_takes_no_more_memory(tmp_path):
    """A few KB of .zst may stand for all of it."""
    path = write_rows(tmp_path / "rows.jsonl.zst", ["a line of text\n" * 1000] * 6000)
    assert path.stat().st_size < 1 << 16
    result = subprocess.run(
        [sys.executable, "-c", PEAK, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    total, peak = map(int, result.stdout.split())
    assert total > 80 << 20
    assert peak < 120, peak  # MB
