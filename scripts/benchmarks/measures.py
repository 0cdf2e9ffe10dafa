"""Time and memory."""

import time
from pathlib import Path

import numpy as np


def memory() -> float:
    """Memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("/proc/self/status has no VmRSS")


def seconds(work) -> float:
    """The time that a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate(work, amount: int, repeats: int) -> float:
    """The median over repeats of an amount by the time that it takes."""
    return float(np.median([amount / seconds(work) for _ in range(repeats)]))
