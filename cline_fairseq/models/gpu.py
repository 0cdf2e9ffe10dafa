"""Attention kernels for sequences of several lengths, which need a GPU.

They take unpadded tokens as they are, where :func:`.operations.attention` needs a padded batch.
"""

import functools
import importlib.util
import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

# (qkv (N, 3, H, D), cu_seqlens, max_seqlen, dropout) -> (N, H, D)
Kernel = Callable[[Tensor, Tensor, int, float], Tensor]


def variable_length_kernel(device: str, dtype: torch.dtype, dropout: bool) -> Kernel | None:
    """Return the best kernel that is installed and fits, or None.

    FlashAttention's kernels are for half precision, and for GPUs since Ampere; those in torch have
    no dropout.

    Args:
        device: type of the device, such as ``"cuda"``.
        dtype: of queries, keys and values.
        dropout: whether weights of attention are dropped.

    Returns:
        a function of ``qkv`` (N, 3, H, D), ``cu_seqlens`` int32 (B + 1,), ``max_seqlen`` and the
        probability of dropout, which returns (N, H, D).
    """
    return _choose(device, dtype, dropout)


def mark_constants() -> None:
    """Tell torch.compile that the choice of the kernel is the same in each step.

    Call it before a layer is compiled. It is not done on import, because torch's compiler takes
    seconds to import.
    """
    torch.compiler.assume_constant_result(variable_length_kernel)


@functools.cache
def _choose(device: str, dtype: torch.dtype, dropout: bool) -> Kernel | None:
    """Choose once, and log the choice."""
    name, kernel = "scaled_dot_product_attention, padded", None
    half = dtype in (torch.float16, torch.bfloat16)
    if device == "cuda" and half and torch.cuda.get_device_capability() >= (8, 0):
        if importlib.util.find_spec("flash_attn") is not None:
            name, kernel = "flash_attn", _flash_attn
        elif not dropout and importlib.util.find_spec("torch.nn.attention.varlen") is not None:
            name, kernel = "torch.nn.attention.varlen", _torch_varlen
    logger.info("attention over sequences of several lengths, %s on %s: %s", dtype, device, name)
    return kernel


def _flash_attn(qkv: Tensor, cu_seqlens: Tensor, max_seqlen: int, dropout: float) -> Tensor:
    from flash_attn import flash_attn_varlen_qkvpacked_func

    return flash_attn_varlen_qkvpacked_func(qkv, cu_seqlens, max_seqlen, dropout)


def _torch_varlen(qkv: Tensor, cu_seqlens: Tensor, max_seqlen: int, dropout: float) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = qkv.unbind(1)  # (N, H, D) each
    x = varlen_attn(q, k, v, cu_seqlens, cu_seqlens, max_seqlen, max_seqlen)
    assert isinstance(x, Tensor)  # a pair only where more is asked for
    return x
