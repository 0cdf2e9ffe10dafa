"""Programs are killed at random moments, and the same command is given again.

No file may hold anything wrong under its final name, no process may survive the one that was
killed, and the rerun must end with what an undisturbed run leaves.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from stress.material import Material
from stress.programs_under_test import Program, preparing
from stress.programs_under_test import training as training_programs
from stress.trial import Trial


def corpus(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Kill programs that prepare a corpus."""
    yield from _kill(preparing(material), number, seed, folder, start=0.2)


def training(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Kill training, which takes a while to start and is to be hit later."""
    yield from _kill(training_programs(material), number, seed, folder, start=0.6)


def _kill(programs: list[Program], number, seed, folder, start):
    rng = random.Random(seed)
    for i in range(number):
        program = programs[i % len(programs)]
        own = folder / str(i)
        own.mkdir()
        moment = rng.uniform(start, 1) * program.seconds
        yield Trial(f"SIGKILL of {program.name}", _trial(program, own, moment))


def _trial(program, folder, moment):
    running = program.start(folder)
    time.sleep(moment)
    os.kill(running.pid, signal.SIGKILL)  # the program alone, not what it has started
    running.wait()
    survivors = running.others()
    running.end_all()
    if survivors:
        return f"{len(survivors)} processes survived it, killed after {moment:.1f} s"
    wrong = program.difference(folder) or program.complete(folder)
    return wrong and f"killed after {moment:.1f} s, {wrong}"
