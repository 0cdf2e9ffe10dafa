"""Memory of training on a CPU, where streams of tokens have another length in each step.

Two libraries keep what they will hardly use again, for each length that there was: oneDNN its
primitives, and glibc freed memory in pieces that fit nothing else. Without bounds a run grows by
gigabytes in its first thousand updates. So lengths are filled up to round ones, which repeat.
"""

import ctypes
import itertools
import os

import torch
from torch import Tensor

_TRIM_EVERY = 16  # steps; what is given back has to be asked for again

_steps = itertools.count(1)


def bound_primitive_cache() -> None:
    """Let oneDNN keep 32 primitives instead of 1024, unless the user says otherwise.

    It reads the variable when it is first used, so this comes before the first step of a model.
    torch 2.13 has no function for it.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")


def missing_to_round(length: int) -> int:
    """How much a length lacks to the next of the 32 to 64 round ones up to a power of two."""
    return -length % (1 << max(length.bit_length() - 6, 0))


def fill_up(index: Tensor) -> Tensor:
    """An index (n,), on a CPU with its first element repeated up to a round length."""
    if index.device.type != "cpu":
        return index
    return torch.cat([index, index[:1].expand(missing_to_round(len(index)))])


def _find_trim():
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None  # no glibc, and other habits


_trim = _find_trim()


def return_freed_memory() -> None:
    """Give freed memory back to the system, in some of the calls."""
    if _trim is not None and next(_steps) % _TRIM_EVERY == 0:
        _trim(0)
