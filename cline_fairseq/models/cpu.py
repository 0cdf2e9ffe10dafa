"""What only training on a CPU needs: faster kernels, and bounds on memory.

Nothing here changes the method. :mod:`.operations` alone imports this module, and calls torch's own
functions instead on every other device, or everywhere if :data:`enabled` is False.

* **Products.** torch multiplies fp32 matrices with MKL. oneDNN, which torch also contains, takes 10
  to 20 % less time for outputs and for gradients of inputs (AMD EPYC, one thread). MKL is faster
  for gradients of weights. In bf16, outputs take 5 % less time than through torch's own function.
* **Dropout.** torch draws one random number for each element, which takes longer than everything
  that is done with it. Here one 64-bit number makes the masks of four elements.
* **Attention with dropout.** torch keeps the weights of attention, the mask and their product for
  the backward pass. Here the sign of a weight says whether it was dropped.
* **Memory.** Unpadded batches have another length in each step, and two libraries keep what they
  will hardly use again for every length: oneDNN its compiled primitives, and glibc freed memory in
  pieces that fit nothing else. Without bounds, a run grows by gigabytes in its first thousand
  updates. So batches are filled up to rounded lengths, which repeat.
"""

import ctypes
import functools
import itertools
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

enabled = True

_LEVELS = 2**16  # a dropout probability is rounded to a multiple of 1 / _LEVELS
_TRIM_EVERY = 16  # batches: memory that is returned to the system has to be requested again

_batches = itertools.count(1)


def multiplies(x: Tensor, weight: Tensor) -> bool:
    """Return whether :func:`linear` takes these arguments: fp32 or bf16, as they are.

    Not under autocast, which converts them, nor in compilation.

    Args:
        x: the input, of any shape.
        weight: the first weight, which stands for the dtype of all.
    """
    return (
        enabled
        and x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and x.numel() > 0
        and x.dtype == weight.dtype
        and _library_has(x.dtype)
    )


@functools.cache
def _library_has(dtype: torch.dtype) -> bool:
    """Return whether oneDNN multiplies matrices of this dtype on this processor."""
    if not (
        torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        return False
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return dtype == torch.float32


def linear(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """Apply several linear layers to one input, through oneDNN where it is the faster library.

    Args:
        x: (..., inputs), fp32 or bf16, as are the others.
        weights: (outputs, inputs) each.
        biases: (outputs,) each.

    Returns:
        (..., sum of the outputs).
    """
    return _Linear.apply(x, _concatenate(biases), *weights)


class _Linear(torch.autograd.Function):
    """Saves the weights themselves for the backward pass; their concatenation would be a copy."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, *weights: Tensor) -> Tensor:
        ctx.save_for_backward(x, *weights)
        return _multiply(x, _concatenate(weights), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        flat = grad.reshape(-1, grad.shape[-1])
        need_x, need_bias, *need_weights = ctx.needs_input_grad
        weight_grads = [None] * len(weights)
        if any(need_weights):
            joined = flat.t() @ x.reshape(-1, x.shape[-1])
            weight_grads = joined.split([len(weight) for weight in weights])
        return (
            _multiply(grad, _concatenate(weights).t(), None) if need_x else None,
            flat.sum(0) if need_bias else None,
            *weight_grads,
        )


def _concatenate(tensors: Sequence[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # What torch.compile makes of linear layers in inference. It has no gradients of its own.
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


def draws_masks(x: Tensor, p: float) -> bool:
    """Return whether :func:`dropout` and :func:`dropped_attention` take these arguments.

    Args:
        x: the input, of any shape and dtype.
        p: probability of dropping an element.
    """
    return (
        enabled
        and x.device.type == "cpu"
        and 0 < round(p * _LEVELS) < _LEVELS
        and not torch.compiler.is_compiling()
    )


def kept_share(p: float) -> float:
    """Return 1 - p, with p rounded as :func:`draw_kept` rounds it."""
    return 1 - round(p * _LEVELS) / _LEVELS


def draw_kept(shape: tuple[int, ...], p: float) -> Tensor:
    """Draw what dropout keeps, with torch's generator.

    Args:
        shape: of the result.
        p: probability of dropping an element, rounded to a multiple of 2**-16.

    Returns:
        int16 of that shape: 0 where an element is dropped, else 1. torch compares into bool, and
        converts bool, ten times as slowly.
    """
    size = math.prod(shape)
    bits = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    bits = bits[:size].view(shape)
    return torch.ge(bits, round(p * _LEVELS) - _LEVELS // 2, out=torch.empty_like(bits))


def dropout(x: Tensor, residual: Tensor | None, p: float) -> Tensor:
    """Apply dropout to ``x``, and add ``residual`` in the same pass over memory.

    Args:
        x: of any shape.
        residual: of the same shape and dtype, or None.
        p: probability of dropping an element.
    """
    return _Dropout.apply(x, residual, p)


class _Dropout(torch.autograd.Function):
    """Saves the mask as int8."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, residual: Tensor | None, p: float) -> Tensor:
        kept = draw_kept(x.shape, p)
        ctx.scale = 1 / kept_share(p)
        ctx.save_for_backward(kept.to(torch.int8))
        kept = kept.to(x.dtype)
        if residual is None:
            return kept.mul_(x).mul_(ctx.scale)
        return torch.addcmul(residual, x, kept, value=ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        (kept,) = ctx.saved_tensors
        residual_grad = grad if ctx.needs_input_grad[1] else None
        return kept.to(grad.dtype).mul_(grad).mul_(ctx.scale), residual_grad, None


def dropped_attention(qkv: Tensor, mask: Tensor | None, p: float) -> Tensor:
    """Scaled dot-product attention with dropout of its weights.

    Args:
        qkv: (B, T, 3, H, D): queries, keys and values of H heads.
        mask: bool, broadcast over (B, H, T, T), True where attention is allowed; or None.
        p: probability of dropping a weight.

    Returns:
        (B, T, H, D).
    """
    return _DroppedAttention.apply(qkv, mask, p)


class _DroppedAttention(torch.autograd.Function):
    """Saves one (T, T) matrix for each head: weights, negative where they were dropped.

    With G = B * H, the tensors inside are (G, T, D) and (G, T, T).
    """

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, mask: Tensor | None, p: float) -> Tensor:
        rows, width, _, heads, dim = qkv.shape
        q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, rows * heads, width, dim)
        scores = _scaled_product(q, k.transpose(1, 2), dim**-0.5)  # (G, T, T)
        if mask is not None:
            by_row = scores.view(rows, heads, width, width)
            by_row.masked_fill_(~mask, torch.finfo(scores.dtype).min)
        signed = torch.softmax(scores, -1)
        signs = draw_kept(signed.shape, p).to(signed.dtype).sub_(0.5)
        signed = torch.copysign(signed, signs, out=signed)
        kept = torch.clamp(signed, min=0, out=scores)
        out = _scaled_product(kept, v, 1 / kept_share(p))  # (G, T, D)
        ctx.save_for_backward(q, k, v, signed, out)
        ctx.p, ctx.rows = p, rows
        return out.view(rows, heads, width, dim).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        q, k, v, signed, out = ctx.saved_tensors
        rows, heads, (_, width, dim) = ctx.rows, len(q) // ctx.rows, q.shape
        scale = 1 / kept_share(ctx.p)
        grad = grad.transpose(1, 2).reshape(q.shape)
        # The gradient of a softmax is weight * (gradient - expected gradient); the expectation is
        # the product of the output and its gradient.
        expected = (grad * out).sum(-1, keepdim=True)  # (G, T, 1)
        grads = q.new_empty(3, *q.shape)
        kept = signed.clamp(min=0)
        _scaled_product(kept.transpose(1, 2), grad, scale, out=grads[2])
        scores = _scaled_product(grad, v.transpose(1, 2), 1).mul_(kept)  # (G, T, T)
        weights = torch.abs(signed, out=kept)
        scores.addcmul_(weights, expected, value=-1 / scale)
        scale *= dim**-0.5
        _scaled_product(scores, k, scale, out=grads[0])
        _scaled_product(scores.transpose(1, 2), q, scale, out=grads[1])
        grads = grads.view(3, rows, heads, width, dim).permute(1, 3, 0, 2, 4)
        return grads.contiguous(), None, None


def _scaled_product(a: Tensor, b: Tensor, scale: float, out: Tensor | None = None) -> Tensor:
    return torch.baddbmm(a.new_empty(1), a, b, beta=0, alpha=scale, out=out)


def bound_primitive_cache() -> None:
    """Let oneDNN keep 32 primitives instead of 1024, unless the user has set another number.

    oneDNN reads the variable on first use, so call this before the first step of a model. torch
    2.13 has no function for it.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")


def missing_to_round(length: int) -> int:
    """Return how much to add to a length to make it round.

    There are 32 rounded lengths from each power of two to the next.
    """
    return -length % (1 << max(length.bit_length() - 6, 0))


def return_freed_memory() -> None:
    """Return freed memory to the system, in every 16th call."""
    if _trim is not None and next(_batches) % _TRIM_EVERY == 0:
        _trim(0)


def _find_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None  # another C library than glibc, which manages memory in another way


_trim = _find_trim()
