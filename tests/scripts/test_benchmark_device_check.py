"""The check with which a benchmark on a GPU starts, on a CPU without its faster kernels."""

import importlib

import pytest
import torch

from cline_fairseq.models import cpu, gpu


def check_device(device):
    return importlib.import_module("benchmarks.device_check").check_device(device)


def padded_kernel(qkv, cu_seqlens, max_seqlen, dropout):
    """Attention of each sequence by itself."""
    rows = [
        torch.nn.functional.scaled_dot_product_attention(*row.permute(1, 2, 0, 3)).transpose(0, 1)
        for row in qkv.split(cu_seqlens.diff().tolist())
    ]
    return torch.cat(rows)


def test_a_right_device_passes(monkeypatch):
    monkeypatch.setattr(cpu, "enabled", False)
    monkeypatch.setattr(gpu, "variable_length_kernel", lambda *_: padded_kernel)
    figures = check_device(torch.device("cpu"))
    assert 0 <= figures["fp32, difference from the CPU"] < 1e-4
    assert 0 < figures["bf16, difference from the CPU"] < 0.05
    assert 0 <= figures["unpadded attention, difference from padded"] < 0.02


def test_attention_is_not_compared_with_itself(monkeypatch):
    """Without a kernel there is no figure, rather than one of 0."""
    monkeypatch.setattr(cpu, "enabled", False)
    assert "unpadded attention, difference from padded" not in check_device(torch.device("cpu"))


@pytest.mark.parametrize("wrong", ["a kernel", "a layer"])
def test_a_wrong_one_does_not(monkeypatch, wrong):
    monkeypatch.setattr(cpu, "enabled", False)
    if wrong == "a kernel":  # that ignores where sequences end

        def kernel(qkv, cu_seqlens, max_seqlen, dropout):
            return padded_kernel(qkv, cu_seqlens[[0, -1]], max_seqlen, dropout)

        monkeypatch.setattr(gpu, "variable_length_kernel", lambda *_: kernel)
    else:
        linear = torch.nn.functional.linear
        calls = []

        def noisy(x, weight, bias=None):
            calls.append(x)
            return linear(x, weight, bias) * (1.2 if len(calls) > 20 else 1)

        monkeypatch.setattr(torch.nn.functional, "linear", noisy)
    with pytest.raises(RuntimeError, match="on this device differs from what it should be by"):
        check_device(torch.device("cpu"))
