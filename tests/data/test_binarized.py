"""Binarized text in all formats of fairseq-preprocess."""

import multiprocessing
import pickle
import shutil

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, indexed_dataset

from cline_fairseq.data.binarized import MappedIndexedDataset, read_headers
from cline_fairseq.data.corpus_lines import load_lines, require_text
from cline_fairseq.errors import InputError, MissingFileError

LEGACY = ("lazy", "cached")


@pytest.fixture(scope="module")
def dictionary(corpus):
    return Dictionary.load(str(corpus / "bin" / "dict.txt"))


@pytest.fixture(scope="module")
def valid(corpus, dictionary):
    """The lines of the corpus in the format that is fairseq's default."""
    return load_lines(str(corpus / "bin" / "valid"), dictionary)


def write(path, impl, lines):
    """Write lines as fairseq-preprocess does."""
    builder = indexed_dataset.make_builder(f"{path}.bin", impl, vocab_size=3000)
    for line in lines:
        builder.add_item(line)
    builder.finalize(f"{path}.idx")
    return str(path)


def tokens_of(lines):
    return [lines[i].tolist() for i in range(len(lines))]


@pytest.mark.parametrize("impl", LEGACY)
def test_older_formats(tmp_path, dictionary, valid, impl):
    path = write(tmp_path / "valid", impl, valid)
    lines = load_lines(path, dictionary)
    assert isinstance(lines, MappedIndexedDataset)
    assert tokens_of(lines) == tokens_of(valid)
    assert lines.sizes.tolist() == valid.sizes.tolist()
    copied = pickle.dumps(lines)
    assert len(copied) < 1000  # not the text
    assert pickle.loads(copied)[3].tolist() == valid[3].tolist()


def _same(lines, expected, repeats, results):
    results.put(all(tokens_of(lines) == expected for _ in range(repeats)))


def test_older_formats_in_forked_workers(tmp_path, dictionary, valid):
    """Workers read at the same time what one file position could not give them."""
    lines = load_lines(write(tmp_path / "valid", "lazy", valid), dictionary)
    context, expected = multiprocessing.get_context("fork"), tokens_of(valid)
    results = context.SimpleQueue()
    workers = [context.Process(target=_same, args=(lines, expected, 5, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [results.get() for _ in workers] == [True, True]
    for worker in workers:
        worker.join()


def test_parts_of_several_formats(tmp_path, dictionary, valid):
    parts = np.array_split(np.arange(len(valid)), 3)
    for number, impl, part in zip(("", 1, 2), ("mmap", "lazy", "cached"), parts, strict=True):
        path = write(tmp_path / f"train{number}", impl, [valid[i] for i in part.tolist()])
        assert sum(h.num_lines for h in read_headers(path)) == len(part)
    path = str(tmp_path / "train")
    require_text(path, dictionary, combine=True)
    assert tokens_of(load_lines(path, dictionary, combine=True)) == tokens_of(valid)
    headers = read_headers(path, combine=True)
    assert sum(header.num_tokens for header in headers) == valid.sizes.sum()


def test_raw_text(corpus, tmp_path, dictionary, valid):
    raw = tmp_path / "valid.None-None"  # where fairseq-preprocess copies it to
    shutil.copy(corpus / "valid.sp", raw)
    path = str(tmp_path / "valid")
    with pytest.raises(MissingFileError, match="again without --dataset-impl raw"):
        load_lines(path, dictionary)
    raw.rename(path)  # where fairseq looks for it
    require_text(path, dictionary)
    assert tokens_of(load_lines(path, dictionary)) == tokens_of(valid)


@pytest.mark.parametrize("impl", ["mmap", *LEGACY])
@pytest.mark.parametrize("end", ["bin", "idx"])
def test_files_that_are_cut_off(tmp_path, dictionary, valid, impl, end):
    path = write(tmp_path / "valid", impl, valid)
    data = (tmp_path / f"valid.{end}").read_bytes()
    for size in (0, 5, 30, 50, len(data) - 1):
        (tmp_path / f"valid.{end}").write_bytes(data[:size])
        for check in (require_text, load_lines):
            with pytest.raises(InputError, match=r"cut off|cannot be read"):
                check(path, dictionary)


@pytest.mark.parametrize("impl", ["mmap", *LEGACY])
def test_any_damage_of_an_index(tmp_path, dictionary, valid, impl):
    """A number that has changed is told, and trailing bytes change nothing."""
    path = write(tmp_path / "valid", impl, [valid[i] for i in range(20)])
    data = bytearray((tmp_path / "valid.idx").read_bytes())
    (tmp_path / "valid.idx").write_bytes(data + data)
    assert tokens_of(load_lines(path, dictionary)) == tokens_of(valid)[:20]
    for place in range(len(data)):
        data[place] ^= 1 << place % 8
        (tmp_path / "valid.idx").write_bytes(data)
        with pytest.raises(InputError, match=r"is damaged|cannot be read|is cut off|no text"):
            load_lines(path, dictionary)
        data[place] ^= 1 << place % 8


@pytest.mark.parametrize("impl", ["mmap", *LEGACY])
@pytest.mark.parametrize("lines", [[], [[2]] * 3])
def test_no_text(tmp_path, dictionary, impl, lines):
    path = write(tmp_path / "valid", impl, [torch.tensor(line) for line in lines])
    for check in (require_text, load_lines):
        with pytest.raises(InputError, match=r"valid.bin holds no text"):
            check(path, dictionary)
