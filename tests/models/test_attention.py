"""Attention against the formula, row by row."""

import pytest
import torch

from cline_fairseq.models import gpu
from cline_fairseq.models.attention import attend
from cline_fairseq.models.cpu import draw, kept_share
from cline_fairseq.models.unpadding import Unpadding

HEADS, DIM, PAD = 3, 8, 1


def case(lengths):
    tokens = torch.full((len(lengths), max(lengths)), 5)
    tokens[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = PAD
    unpadding = Unpadding.of(tokens, PAD)
    torch.manual_seed(0)
    return unpadding, torch.randn(unpadding.total, 3, HEADS, DIM, requires_grad=True)


def reference(qkv, lengths, mask=None):
    """Attention of each row by itself; ``mask`` (rows, heads, T, T) scales the weights."""
    rows = []
    for i, row in enumerate(qkv.split(lengths)):
        q, k, v = row.permute(1, 2, 0, 3)
        weights = (q @ k.transpose(1, 2) / DIM**0.5).softmax(-1)
        if mask is not None:
            weights = weights * mask[i, :, : len(row), : len(row)]
        rows.append((weights @ v).transpose(0, 1))
    return torch.cat(rows)


def assert_same(found, expected, qkv):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    weights = torch.randn_like(found)
    a, b = (torch.autograd.grad(out, qkv, weights)[0] for out in (found, expected))
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lengths", [[6, 6], [4, 7, 1], [1]])
def test_without_dropout(lengths):
    unpadding, qkv = case(lengths)
    assert_same(attend(qkv, unpadding, 0.0), reference(qkv, lengths), qkv)


@pytest.mark.parametrize("lengths", [[6, 6], [4, 7, 1], [1]])
def test_with_dropout(lengths):
    """On a CPU, whose masks are drawn by cpu.py."""
    unpadding, qkv = case(lengths)
    torch.manual_seed(1)
    found = attend(qkv, unpadding, 0.4)
    torch.manual_seed(1)
    mask = draw((len(lengths), HEADS, max(lengths), max(lengths)), 0.4).ge(0) / kept_share(0.4)
    assert_same(found, reference(qkv, lengths, mask), qkv)


@pytest.mark.usefixtures("path")
def test_dropout_keeps_expectation():
    unpadding, qkv = case([5, 9])
    mean = torch.stack([attend(qkv, unpadding, 0.2) for _ in range(500)]).mean(0)
    torch.testing.assert_close(mean, reference(qkv, [5, 9]), atol=0.15, rtol=0.1)


def test_variable_length_kernels_get_what_they_ask_for(monkeypatch):
    """On CUDA: unpadded tokens, int32 cumulative lengths, the greatest length."""
    lengths = [4, 7, 1]
    unpadding, qkv = case(lengths)

    def kernel(qkv, cu_seqlens, max_seqlen, dropout):
        assert (cu_seqlens.dtype, max_seqlen, dropout) == (torch.int32, 7, 0.0)
        return reference(qkv, cu_seqlens.diff().tolist())

    monkeypatch.setattr(gpu, "variable_length_kernel", lambda *_: kernel)
    assert_same(attend(qkv, unpadding, 0.0), reference(qkv, lengths), qkv)
