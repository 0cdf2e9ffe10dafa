"""Stochastic rounding from fp32 to fp16 or bf16."""

import torch
from torch import Tensor

_EXPONENT = 0x7F800000  # the bits of an fp32 number that hold its exponent


def round_stochastically(wide: Tensor, dtype: torch.dtype, generator: torch.Generator) -> Tensor:
    """Round each number to one of its two neighbours in ``dtype``, the nearer one more often.

    The expected result is the number itself. So small updates that rounding to nearest would
    always lose add up: bf16 has 8 bits, and near 1.0 nothing less than 0.002 moves it.

    Args:
        wide: fp32 numbers, contiguous; their memory is reused.
        dtype: torch.float16 or torch.bfloat16.
        generator: source of the random numbers, on the device of ``wide``.
    """
    info = torch.finfo(dtype)
    # The distance between neighbours: a power of two, and the same for all subnormal numbers.
    exponent = wide.view(torch.int32).bitwise_and(_EXPONENT).view(torch.float32)
    spacing = exponent.clamp_(min=info.tiny).mul_(info.eps)
    # As many levels as fp32 has numbers between two neighbours, so that the sum below is exact.
    levels = round(info.eps / torch.finfo(torch.float32).eps)
    noise = torch.empty_like(wide).random_(levels, generator=generator).div_(levels)
    return wide.div_(spacing).add_(noise).floor_().mul_(spacing).to(dtype)
