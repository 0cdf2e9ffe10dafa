"""Time and memory."""

import time
from pathlib import Path

import numpy as np


def memory() -> float:
    """Memory of this process in MB."""
    return _from_status("VmRSS")


def peak_memory(work) -> float:
    """The greatest memory of this process while a function runs, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak; see man 5 proc
    work()
    return _from_status("VmHWM")


def _from_status(name):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError(f"/proc/self/status has no {name}")


def seconds(work) -> float:
    """The time that a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate(work, amount: int, repeats: int) -> float:
    """The median over repeats of an amount by the time that it takes."""
    return float(np.median([amount / seconds(work) for _ in range(repeats)]))
