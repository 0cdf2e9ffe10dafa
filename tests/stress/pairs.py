"""Two processes are given the same destination, and one of some pairs is killed.

Each must end with success, or with a sentence that names the other. What is there after the first
success must be what a single process leaves.
"""

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from stress.material import Material
from stress.programs_under_test import Program, converting, preparing, training
from stress.trial import Trial

_REFUSED = re.compile(r"error: .* is (being written by process \d+|there already)")
_SLOW = 10  # only each 10th pair is one of programs that train


def pairs(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Start programs twice."""
    rng = random.Random(seed)
    fast = [*preparing(material), *converting(material)]
    slow = training(material)
    for i in range(number):
        turn, programs = (i // _SLOW, slow) if i % _SLOW == _SLOW - 1 else (i, fast)
        program = programs[turn % len(programs)]
        own = folder / str(i)
        own.mkdir()
        delay = rng.uniform(0, 0.9) * program.seconds
        killed = rng.choice([None, 0, 1, 1])
        moment = rng.uniform(0.1, 0.9) * program.seconds
        yield Trial(f"two of {program.name}", _trial(program, own, delay, killed, moment))


def _trial(program: Program, folder: Path, delay, killed, moment):
    running = [program.start(folder)]
    time.sleep(delay)
    running.append(program.start(folder))
    if killed is not None:
        time.sleep(moment)
        os.kill(running[killed].pid, signal.SIGKILL)
    story = f"the second came after {delay:.1f} s"
    if killed is not None:
        story += f", the {('first', 'second')[killed]} was killed {moment:.1f} s later"
    statuses = [one.wait() for one in running]
    for one, status in zip(running, statuses, strict=True):
        one.end_all()
        if status in (0, -signal.SIGKILL):
            continue
        if not _REFUSED.search(one.errors) or "Traceback" in one.errors:
            return f"{story}; one ended with status {status}: {one.last_line}"
    if 0 in statuses and (wrong := program.difference(folder, whole=killed is None)):
        return f"{story}; one succeeded, but {wrong}"
    if program.name.startswith("export") and (folder / "out").exists():
        return program.difference(folder, whole=True)  # it is never made twice
    wrong = program.complete(folder)
    return wrong and f"{story}; {wrong}"
