"""The losses against plain loops over texts and tokens."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cline_fairseq.criterions.losses import mlm_loss, rtd_loss

PAD = 1


def masked_targets(generator, texts, width, share):
    target = torch.randint(4, 50, (texts, width), generator=generator)
    return target.masked_fill(torch.rand(texts, width, generator=generator) >= share, PAD)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    texts=st.integers(1, 5),
    width=st.integers(1, 9),
    share=st.sampled_from([0.0, 0.2, 1.0]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_mlm_loss(seed, texts, width, share, dtype):
    generator = torch.Generator().manual_seed(seed)
    target = masked_targets(generator, texts, width, share)
    logits = (3 * torch.randn(int(target.ne(PAD).sum()), 50, generator=generator)).to(dtype)
    sums, counts = mlm_loss(logits, target, PAD)
    rows = iter(logits.double().tolist())
    for i in range(texts):
        expected, count = 0.0, 0
        for token in target[i].tolist():
            if token != PAD:
                row = next(rows)
                expected += math.log(sum(map(math.exp, row))) - row[token]
                count += 1
        assert counts[i] == count
        assert sums[i].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert sums.dtype == torch.float32


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    texts=st.integers(1, 4),
    width=st.integers(1, 9),
    classes=st.sampled_from([(-1,), (-1, 0), (-1, 0, 1)]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_rtd_loss(seed, texts, width, classes, dtype):
    generator = torch.Generator().manual_seed(seed)
    logits = (4 * torch.randn(2 * texts, width, generator=generator)).to(dtype)
    which = torch.randint(0, len(classes), logits.shape, generator=generator)
    target = torch.tensor(classes)[which]
    sums, counts = rtd_loss(logits, target)
    for i in range(texts):
        expected, count = 0.0, 0
        for view in (i, texts + i):
            for x, y in zip(logits[view].tolist(), target[view].tolist(), strict=True):
                if y >= 0:
                    p = 1 / (1 + math.exp(-x))
                    expected -= math.log(p if y else 1 - p)
                    count += 1
        assert counts[i] == count
        assert sums[i].item() == pytest.approx(expected, rel=1e-4, abs=1e-5)
