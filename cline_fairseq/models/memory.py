"""Memory of training on a CPU, where streams of tokens have another length in each step.

Two libraries keep what they will hardly use again, for each length that there was: oneDNN its
primitives, and glibc freed memory in pieces that fit nothing else. Without bounds a run grows by
gigabytes in its first thousand updates.
"""

import ctypes
import itertools
import os

_TRIM_EVERY = 16  # steps; it takes milliseconds

# Read by oneDNN when it is first used; its default is 1024.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
_steps = itertools.count(1)


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
