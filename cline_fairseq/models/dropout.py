"""Dropout whose masks are cheap to draw on a CPU.

torch draws one random number for each element there, which takes longer than all that is done with
it. Here a 64-bit number makes the masks of four elements.
"""

import math

import torch
from fairseq.modules import FairseqDropout
from torch import Tensor
from torch.autograd.function import once_differentiable

_LEVELS = 2**16  # a probability is rounded to 1 / _LEVELS


class Dropout(FairseqDropout):
    """fairseq's dropout: each element is 0 with probability p, else divided by 1 - p."""

    def forward(self, x: Tensor, inplace: bool = False) -> Tensor:
        if not self._drops():
            return x
        if not draws_masks(x, self.p):
            return super().forward(x, inplace)
        return _MaskedAdd.apply(x, None, self.p)

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """``residual`` plus what dropout leaves of ``x``, in one pass over both."""
        if self._drops() and draws_masks(x, self.p) and x.dtype == residual.dtype:
            return _MaskedAdd.apply(x, residual, self.p)
        return residual + self(x)

    def rate(self) -> float:
        """The probability in effect: 0 in evaluation."""
        return self.p if self._drops() else 0.0

    def _drops(self):
        return self.p > 0 and (self.training or self.apply_during_inference)


def draws_masks(x: Tensor, p: float) -> bool:
    """Whether the masks of ``x`` are drawn here; elsewhere, torch is faster."""
    return (
        x.device.type == "cpu"
        and 0 < round(p * _LEVELS) < _LEVELS
        and not torch.compiler.is_compiling()
    )


def kept_share(p: float) -> float:
    """1 - p, of the probability that :func:`draw` takes for p."""
    return 1 - round(p * _LEVELS) / _LEVELS


def draw(shape: tuple[int, ...], p: float) -> Tensor:
    """Random numbers, fp32, from torch's generator; less than 0 with probability p."""
    size = math.prod(shape)
    bits = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
    return bits[:size].view(shape).float().sub_(round(p * _LEVELS) - _LEVELS // 2)


class _MaskedAdd(torch.autograd.Function):
    """Dropout of x, plus a residual if there is one."""

    @staticmethod
    def forward(ctx, x, residual, p):
        keep = draw(x.shape, p).ge_(0)
        ctx.scale = 1 / kept_share(p)
        ctx.save_for_backward(keep.to(torch.int8))
        keep = keep.to(x.dtype)
        if residual is None:
            return keep.mul_(x).mul_(ctx.scale)
        return torch.addcmul(residual, x, keep, value=ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        (keep,) = ctx.saved_tensors
        residual_grad = grad if ctx.needs_input_grad[1] else None
        return (grad * keep).mul_(ctx.scale), residual_grad, None
