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
from stress.programs_under_test import (
    SAVING,
    UPDATES_IN_RANKS,
    Program,
    preparing,
    training_in_ranks,
)
from stress.programs_under_test import training as training_programs
from stress.trial import Trial

_RANKS = 2
_PATIENCE = 10  # seconds that torchrun has to see that a rank is gone, and to end the other one


def corpus(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Kill programs that prepare a corpus."""
    yield from _kill(preparing(material), number, seed, folder, start=0.2)


def training(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Kill training, which takes a while to start and is to be hit later."""
    yield from _kill(training_programs(material), number, seed, folder, start=0.6)


def ranks(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Kill one process of distributed training: each rank in turn, and their launcher."""
    rng = random.Random(seed)
    program = training_in_ranks(material)
    for i in range(number):
        victim = i % (_RANKS + 1)
        name = f"rank {victim}" if victim < _RANKS else "the launcher"
        own = folder / str(i)
        own.mkdir()
        updates = rng.randrange(SAVING, UPDATES_IN_RANKS)
        failure = _kill_one(program, own, updates, rng.random(), victim)
        yield Trial(f"SIGKILL of {name} of {program.name}", failure)


def _kill_one(program, folder, updates, delay, victim):
    """Kill a rank or, if ``victim`` is the number of ranks, the launcher, some seconds later.

    The time that training takes depends on what else runs, so its checkpoints say where it is.
    """
    running = program.start(folder)
    while running.process.poll() is None and _last_saved(folder) < updates // SAVING * SAVING:
        time.sleep(0.02)
    time.sleep(delay)
    found = running.ranks() if running.process.poll() is None else []
    if len(found) != _RANKS:
        running.end_all()
        return f"{len(found)} ranks made {_last_saved(folder)} updates: {running.last_line}"
    os.kill([*found, running.pid][victim], signal.SIGKILL)
    status = running.wait(_PATIENCE)
    survivors = running.others()
    running.end_all()
    story = f"killed {delay:.1f} s after {_last_saved(folder)} updates"
    if status in (None, 0):
        return f"{story}, the launcher's status was {status}"
    if survivors:
        return f"{story}, {len(survivors)} processes survived it"
    wrong = program.difference(folder) or program.complete(folder)
    return wrong and f"{story}, {wrong}"


def _last_saved(folder):
    names = (path.stem for path in (folder / "out").glob("checkpoint_*_*.pt"))
    return max((int(name.rpartition("_")[2]) for name in names), default=0)


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
