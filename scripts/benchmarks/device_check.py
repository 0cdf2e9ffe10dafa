"""Does a model compute on a GPU what it computes on a CPU?"""

import copy
from argparse import Namespace
from collections.abc import Iterable

import torch
from fairseq.data import Dictionary
from torch import Tensor

from cline_fairseq.models import attention, gpu
from cline_fairseq.models.cline import ClineModel, tiny_architecture
from cline_fairseq.models.unpadding import Unpadding

_LENGTHS = (128, 3, 77, 20)
_SYMBOLS = 200
# Differences as a fraction of the greatest number: of the device's fp32, which may be TF32, and of
# bf16's 8 bits, after all layers.
_TOLERANCES = {"fp32": 2e-3, "bf16": 5e-2}


def check_device(device: torch.device) -> dict[str, float]:
    """Compare losses and gradients with those of the CPU in fp32.

    Args:
        device: the device to check.

    Returns:
        the differences, each as a fraction of the greatest number; that of attention only if a
        kernel for sequences of several lengths is installed.

    Raises:
        RuntimeError: if one is too great.
    """
    model, tokens = _model(), _tokens()
    expected = _results(model, tokens)
    figures = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        there = copy.deepcopy(model).to(device, dtype)
        figures[f"{name}, difference from the CPU"] = _difference(
            name, _results(there, tokens.to(device)), expected
        )
    kernel = gpu.variable_length_kernel(device.type, torch.bfloat16, False)
    if kernel is not None:
        figures["unpadded attention, difference from padded"] = _difference(
            "bf16", *_attention(kernel, tokens.to(device))
        )
    return figures


def _model() -> ClineModel:
    dictionary = Dictionary()
    for i in range(_SYMBOLS - len(dictionary)):
        dictionary.add_symbol(f"w{i}")
    args = Namespace(encoder_embed_dim=128, max_positions=128, dropout=0.0, attention_dropout=0.0)
    tiny_architecture(args)
    task = Namespace(source_dictionary=dictionary, cfg=Namespace(tokens_per_sample=128))
    torch.manual_seed(1)
    return ClineModel.build_model(args, task).train()


def _tokens() -> Tensor:
    tokens = torch.randint(4, _SYMBOLS, (len(_LENGTHS), max(_LENGTHS)))
    tokens[torch.arange(max(_LENGTHS)) >= torch.tensor(_LENGTHS)[:, None]] = Dictionary().pad()
    return tokens


def _results(model: ClineModel, tokens: Tensor) -> list[Tensor]:
    """The loss of each real token, and the gradients of their mean."""
    logits, _ = model(tokens)
    real = tokens.ne(Dictionary().pad())
    losses = torch.nn.functional.cross_entropy(logits[real].float(), tokens[real], reduction="none")
    model.zero_grad()
    losses.mean().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return [losses, torch.cat([gradient.flatten().float() for gradient in gradients])]


def _attention(kernel: gpu.Kernel, tokens: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Attention by a kernel and over padded sequences, each with its gradient, in bf16."""
    unpadding = Unpadding.of(tokens, Dictionary().pad())
    generator = torch.Generator().manual_seed(2)
    qkv = torch.randn(unpadding.total, 3, 2, 64, generator=generator).to(tokens.device)
    qkv = qkv.bfloat16().requires_grad_()
    found = kernel(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, 0.0)
    padded = attention.attend_padded(qkv, unpadding, 0.0)
    return tuple(
        [out, torch.autograd.grad(out.float().square().sum(), qkv)[0]] for out in (found, padded)
    )


def _difference(name: str, found: Iterable[Tensor], expected: Iterable[Tensor]) -> float:
    pairs = [
        (a.detach().float().cpu(), b.detach().float().cpu())
        for a, b in zip(found, expected, strict=True)
    ]
    greatest = max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)
    if not greatest <= _TOLERANCES[name]:  # nor NaN
        raise RuntimeError(
            f"{name} on this device differs from what it should be by {greatest:.2g} of the "
            f"greatest number, and {_TOLERANCES[name]:g} is allowed"
        )
    return greatest
