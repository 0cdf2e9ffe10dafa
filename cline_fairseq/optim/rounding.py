"""Stochastic rounding from fp32 to fp16 or bf16."""

import torch
from torch import Tensor

_EXPONENT = 0x7F800000  # the bits of an fp32 number that hold its exponent


def round_stochastically(wide: Tensor, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Round each number to one of its two neighbours in ``dtype``, at random.

    The nearer neighbour is more likely, so that the expected result is the number itself. Small
    updates that rounding to nearest would always lose therefore add up: bf16 has a precision of 8
    bits, and an update of less than 0.002 never changes a number near 1.

    Args:
        wide: fp32, contiguous, of any shape; its memory is reused.
        dtype: torch.float16 or torch.bfloat16.
        generator: generator on the device of ``wide``.

    Returns:
        the rounded numbers in ``dtype``, of the same shape.
    """
    info = torch.finfo(dtype)
    # The distance between neighbours is a power of two, and the same for all subnormal numbers.
    exponent = wide.view(torch.int32).bitwise_and(_EXPONENT).view(torch.float32)
    spacing = exponent.clamp_(min=info.tiny).mul_(info.eps)
    # As many levels as fp32 numbers lie between two neighbours, so that the sum below is exact.
    levels = round(info.eps / torch.finfo(torch.float32).eps)
    noise = torch.empty_like(wide).random_(levels, generator=generator).div_(levels)
    return wide.div_(spacing).add_(noise).floor_().mul_(spacing).to(dtype)
