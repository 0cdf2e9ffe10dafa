"""Corpora of rows as a user encodes them: the files that the same plain text gives."""

import json

import pytest

from cline_fairseq.cli import encode, rewrite, train_tokenizer
from cline_fairseq.errors import InputError
from helpers import TOKENIZER
from row_files import write_rows

NAMES = ("train.bin", "train.idx", "dict.txt")


@pytest.fixture(scope="module")
def documents(texts):
    """Some blocks of documents."""
    return ["\n".join(texts[i : i + 4]) for i in range(0, 1500, 4)] * 4


@pytest.fixture
def encoded(corpus, capsys):
    """Encode inputs; what the program prints."""

    def run(dest, *inputs, options=()):
        command = ["--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER]
        command += ["--dict", corpus / "dict.txt", "--binarize", "--dest", dest]
        encode.main([*map(str, [*command, "--workers", 1, *options, "--input", *inputs])])
        return capsys.readouterr()

    return run


def content(dest):
    return [(dest / name).read_bytes() for name in NAMES]


@pytest.mark.parametrize("end", [".jsonl", ".ndjson.gz", ".parquet", ".arrow"])
def test_the_files_are_those_of_plain_text(encoded, documents, tmp_path, end):
    plain = tmp_path / "plain.txt"
    plain.write_text("\n\n".join(documents), encoding="utf-8")
    # The name of a field, and paragraphs with a blank line between them.
    rows = [document.replace("\n", "\n\n", 1) for document in documents]
    path = write_rows(tmp_path / f"rows{end}".replace("ndjson", "jsonl"), rows, "body")
    field = ("--text-field", "body")
    encoded(tmp_path / "plain", plain)
    found = encoded(tmp_path / "rows", path, options=field)
    assert f"{len(documents):,} documents" in found.out
    assert f"left out: {len(documents):,} lines (blank, within a row)" in found.out
    assert content(tmp_path / "rows") == content(tmp_path / "plain")
    encoded(tmp_path / "two", path, options=(*field, "--workers", 2))
    assert content(tmp_path / "two") == content(tmp_path / "plain")
    blank = 0
    for part in ("0/3", "1/3", "2/3"):
        encoded(tmp_path / "plain", plain, options=("--shard", part))
        encoded(tmp_path / "rows", path, options=(*field, "--shard", part))
        shards = [tmp_path / name / f"shard{part[0]}" for name in ("plain", "rows")]
        assert content(shards[0]) == content(shards[1])
        manifest = json.loads((shards[1] / "train.manifest.json").read_text())
        blank += manifest["counts"]["left_out"].get("blank, within a row", 0)
    assert blank == len(documents)
    again = encoded(tmp_path / "rows", path, options=field)
    assert "is complete: nothing to do" in again.err
    with pytest.raises(InputError, match=r"other options \(text_field body, now text\)"):
        encoded(tmp_path / "rows", path)


def test_a_folder_has_the_split_of_the_output(encoded, documents, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    write_rows(data / "train-00000-of-00001.parquet", documents[:9])
    write_rows(data / "validation-00000-of-00001.parquet", documents[9:12])
    assert "9 documents" in encoded(tmp_path / "bin", data).out
    options = ("--split", "valid", "--input-split", "validation")
    assert "3 documents" in encoded(tmp_path / "bin", data, options=options).out
    with pytest.raises(InputError, match="no split 'valid' of a data set in"):
        encoded(tmp_path / "bin", data, options=("--split", "valid"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text-field", "body"), r"rows.jsonl, line 1: no 'body' among 'id', 'text': specify"),
        (("--input-split", "train"), r"--input-split train chooses .*: leave it out"),
        ((), r"rows.jsonl, line 301: 'text' is null: expected text; fix the row, or leave it out"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_written_of_broken_rows(encoded, documents, tmp_path, options, message, workers):
    path = write_rows(tmp_path / "rows.jsonl", [*documents[:300], None])
    with pytest.raises(InputError, match=message):
        encoded(tmp_path / "bin", path, options=(*options, "--workers", workers))
    assert not list((tmp_path / "bin").glob("train.[bi]*"))


def test_repaired_and_skipped_lines(encoded, tmp_path):
    path = tmp_path / "rows.jsonl"
    good = b'{"text": "One line.\\nAnother one."}\n'
    path.write_bytes(good + good.replace(b"One", b"\xef") + good.replace(b"One", b"\\ud800"))
    with pytest.raises(InputError, match="line 2: 'text' is not valid Unicode"):
        encoded(tmp_path / "strict", path)
    found = encoded(tmp_path / "replace", path, options=("--errors", "replace"))
    assert "repaired: 2 lines with bytes that are not UTF-8" in found.out
    found = encoded(tmp_path / "skip", path, options=("--errors", "skip"))
    assert "left out: 2 lines (undecodable)" in found.out
    assert "3 documents, 6 lines" in found.out


def test_no_field_of_plain_text(encoded, tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text('{"body": "x"}\n')
    with pytest.raises(InputError, match="--text-field body needs a file with fields, and the inp"):
        encoded(tmp_path / "bin", path, options=("--text-field", "body"))


def test_tokenizers_and_rewrites_of_rows(documents, tmp_path, capsys):
    """The other programs that read a corpus: what they make of plain text."""
    plain = tmp_path / "plain.txt"
    plain.write_text("\n\n".join(documents[:40]), encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    write_rows(folder / "train-0.parquet", documents[:40])
    for name, path in (("a", plain), ("b", folder)):
        vocabulary, views = tmp_path / name, tmp_path / f"{name}.jsonl"
        options = ["--dest", str(vocabulary), "--vocab-size", "300"]
        train_tokenizer.main(["--input", str(path), *options])
        rewrite.main(["--input", str(path), "--output", str(views)])
    for end in ("/dict.txt", "/sentencepiece.model", ".jsonl"):
        assert (tmp_path / f"a{end}").read_bytes() == (tmp_path / f"b{end}").read_bytes(), end
    indices = [json.loads(line)["index"] for line in views.read_text("utf-8").splitlines()]
    assert indices == list(range(40 * 5 - 1))
    rewrite.main(["--input", str(plain), str(folder), "--output", str(views)])
    indices = [json.loads(line)["index"] for line in views.read_text("utf-8").splitlines()]
    assert indices == list(range(2 * (40 * 5 - 1)))
