"""Lines that are cut, without memory for each of them."""

import pickle

import numpy as np
import torch
from fairseq.data import ConcatDataset
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cline_fairseq.data.corpus_lines import CutLinesDataset, cut_lines


class Lines:
    """Lines of given lengths."""

    def __init__(self, sizes):
        self.sizes = np.array(sizes, np.int32)

    def __getitem__(self, i):
        return torch.arange(self.sizes[i]) + 100 * i

    def __len__(self):
        return len(self.sizes)


def pieces_of(sizes, max_length, min_length):
    """The same one by one: (line, start, end)."""
    for line, size in enumerate(sizes):
        count = 0 if size < min_length else max(-(-size // max_length), 1)
        length = -(-size // count) if count else 0
        for start in range(0, count * length, length) if length else [0] * count:
            yield line, start, min(start + length, size)


@settings(max_examples=200, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 30), min_size=1, max_size=80),
    max_length=st.integers(1, 12),
    min_length=st.integers(0, 3),
)
@example(sizes=[3] * 40, max_length=8, min_length=0)
@example(sizes=[3] * 20 + [9] + [3] * 20, max_length=8, min_length=0)
@example(sizes=[16], max_length=1, min_length=0)
@example(sizes=[1] * 40 + [3], max_length=8, min_length=2)
def test_pieces(sizes, max_length, min_length):
    lines = Lines(sizes)
    expected = [lines[i][s:e].tolist() for i, s, e in pieces_of(sizes, max_length, min_length)]
    cut = CutLinesDataset(lines, max_length, min_length)
    assert [cut[i].tolist() for i in range(len(cut))] == expected
    assert cut.sizes.tolist() == list(map(len, expected))
    assert cut.num_cut == sum(s > max_length and s >= min_length for s in sizes)
    assert cut.num_left_out == sum(s < min_length for s in sizes)
    if expected:
        half = len(sizes) // 2
        parts = [Lines(part) for part in (sizes[:half], sizes[half:]) if part]
        joined = cut_lines(ConcatDataset(parts), max_length, min_length)
        assert joined.sizes.tolist() == cut.sizes.tolist()
        assert [len(joined[i]) for i in range(len(joined))] == joined.sizes.tolist()


def test_nothing_to_cut():
    lines = Lines([3, 0, 8])
    assert cut_lines(lines, 8) is lines
    assert cut_lines(lines, 7) is not lines
    assert cut_lines(lines, 8, min_length=1) is not lines


def test_memory_of_cut_lines():
    lines = Lines(np.full(64_000, 9))
    added = len(pickle.dumps(CutLinesDataset(lines, 8))) - len(pickle.dumps(lines))
    assert added < 64_000
