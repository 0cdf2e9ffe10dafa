"""Attention against the formula, row by row."""

import inspect
import sys
import types

import pytest
import torch

from cline_fairseq.models import gpu
from cline_fairseq.models.attention import attend
from cline_fairseq.models.cpu import draw_kept, kept_share
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
    mask = draw_kept((len(lengths), HEADS, max(lengths), max(lengths)), 0.4) / kept_share(0.4)
    assert_same(found, reference(qkv, lengths, mask), qkv)


@pytest.mark.parametrize("lengths", [[6, 6], [4, 7, 1]])
def test_bf16_with_dropout_follows_fp32(lengths):
    """The same mask, and the same numbers up to the roundings of bf16."""
    unpadding, qkv = case(lengths)
    qkv = qkv.detach().bfloat16()
    grad = torch.randn(unpadding.total, HEADS, DIM).bfloat16()
    results = []
    for dtype in (torch.bfloat16, torch.float32):
        x = qkv.to(dtype).requires_grad_()
        torch.manual_seed(1)
        out = attend(x, unpadding, 0.4)
        assert out.dtype == dtype
        results.append([out, *torch.autograd.grad(out, x, grad.to(dtype))])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.03)


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


# The signatures of the published kernels.
def flash_attn_varlen_qkvpacked_func(
    qkv,
    cu_seqlens,
    max_seqlen,
    dropout_p=0.0,
    softmax_scale=None,
    causal=False,
    window_size=(-1, -1),
    softcap=0.0,
    alibi_slopes=None,
    deterministic=False,
    return_attn_probs=False,
):
    """As in flash_attn 2.5 to 2.8: (total, 3, heads, dim) to (total, heads, dim)."""
    assert qkv.shape[1:] == (3, HEADS, DIM)
    assert cu_seqlens.dtype == torch.int32
    assert isinstance(max_seqlen, int)
    assert (softmax_scale, causal, window_size) == (None, False, (-1, -1))
    lengths = cu_seqlens.diff().tolist()
    assert max(lengths) <= max_seqlen
    assert sum(lengths) == len(qkv)
    mask = None
    if dropout_p:
        mask = torch.full((len(lengths), HEADS, max_seqlen, max_seqlen), 1 - dropout_p)
    return reference(qkv, lengths, mask)


def varlen_attn(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *args, **options):
    """torch.nn.attention.varlen, since 2.10: (total, heads, dim) each. No dropout."""
    assert not args
    assert not options
    assert cu_seq_q is cu_seq_k
    assert cu_seq_q.dtype == torch.int32
    assert (max_q, max_k) == (7, 7)
    return reference(torch.stack([query, key, value], 1), cu_seq_q.diff().tolist())


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_flash_attn_is_called_as_documented(monkeypatch, dropout):
    module = types.ModuleType("flash_attn")
    module.flash_attn_varlen_qkvpacked_func = flash_attn_varlen_qkvpacked_func
    monkeypatch.setitem(sys.modules, "flash_attn", module)
    unpadding, qkv = case([4, 7, 1])
    found = gpu._flash_attn(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, dropout)
    torch.testing.assert_close(found, (1 - dropout) * reference(qkv, [4, 7, 1]))


def test_varlen_attn_is_called_as_documented(monkeypatch):
    module = types.ModuleType("torch.nn.attention.varlen")
    module.varlen_attn = varlen_attn
    monkeypatch.setitem(sys.modules, "torch.nn.attention.varlen", module)
    unpadding, qkv = case([4, 7, 1])
    found = gpu._torch_varlen(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, 0.0)
    torch.testing.assert_close(found, reference(qkv, [4, 7, 1]))


def test_the_stand_in_has_the_signature_of_the_installed_varlen_attn():
    varlen = pytest.importorskip("torch.nn.attention.varlen")
    names = list(inspect.signature(varlen.varlen_attn).parameters)
    ours = list(inspect.signature(varlen_attn).parameters)
    assert names[:7] == ours[:7]
