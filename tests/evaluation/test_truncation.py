"""Texts that are cut are told with what they are a part of."""

import numpy as np
import pytest
import torch
from fairseq.data import indexed_dataset

from cline_fairseq.evaluation.glue.settings import num_truncated
from cline_fairseq.evaluation.truncation import count_truncated, truncation_sentence


class Reader:
    """A predictor that reads so many letters."""

    max_positions = 1200

    def is_truncated(self, texts):
        return np.array([len(text) > self.max_positions for text in texts])


def test_sentence():
    counts = count_truncated(Reader(), ["a", "b" * 1201, "c" * 1200])
    assert counts == {"cut_texts": 1, "num_texts": 3, "max_positions": 1200}
    assert truncation_sentence("CLINE", counts) == (
        "CLINE: 1 of 3 texts were longer than the model's 1,200 positions and were truncated."
    )
    assert truncation_sentence("CLINE", count_truncated(Reader(), ["a"])) == ""


@pytest.mark.parametrize("impl", ["mmap", "cached"])
@pytest.mark.parametrize(("parts", "expected"), [(("input0",), 1), (("input0", "input1"), 3)])
def test_truncated_examples(tmp_path, impl, parts, expected):
    for part in parts:
        (tmp_path / part).mkdir()
        path = str(tmp_path / part / "train")
        builder = indexed_dataset.make_builder(f"{path}.bin", impl, vocab_size=100)
        for length in (3, 4, 7, 8):  # with <s> or the separator: 4, 5, 8 and 9
            builder.add_item(torch.ones(length, dtype=torch.int64))
        builder.finalize(f"{path}.idx")
    assert num_truncated(tmp_path, "train", 8) == expected
