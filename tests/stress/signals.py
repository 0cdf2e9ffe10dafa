"""Ctrl-C, which reaches all processes of a terminal, and SIGTERM, which reaches one.

A program must end within two seconds, by the signal, with one line at most, and leave no process,
no unfinished file, and nothing wrong under a final name. It is hit at any moment from the one on
at which Python has started it, also while it imports.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from stress.material import Material
from stress.programs_under_test import (
    Program,
    Running,
    converting,
    measuring,
    preparing,
    reporting,
    training,
    whole_runs,
)
from stress.trial import Trial

_LIMIT = 2  # seconds
_SHOWN = 4  # lines of a program that wrote too many
_UNFINISHED = (".part", ".lock")


def signals(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Send signals to programs."""
    rng = random.Random(seed)
    programs = [
        *preparing(material),
        *converting(material),
        *training(material),
        *measuring(material),
        *whole_runs(material),
        *reporting(material),
    ]
    for i in range(number):
        program = programs[i % len(programs)]
        kind = rng.choice([signal.SIGINT, signal.SIGTERM])
        own = folder / str(i)
        own.mkdir()
        moment = rng.uniform(0, 1) * program.seconds
        yield Trial(f"{kind.name} to {program.name}", _trial(program, own, kind, moment))


def _trial(program: Program, folder: Path, kind: signal.Signals, moment: float):
    running = program.start(folder)
    _wait_for_handlers(running, kind, program.name == "fairseq-train")
    time.sleep(moment)
    sent = time.monotonic()
    (os.killpg if kind == signal.SIGINT else os.kill)(running.pid, kind)
    status = running.wait(30)
    taken = time.monotonic() - sent
    survivors = running.others(max(_LIMIT - taken, 0.1))
    running.end_all()
    story = f"{moment:.1f} s after its start"
    if status is None:
        return f"{story}, it went on"
    if taken > _LIMIT:
        return f"{story}, it took {taken:.1f} s to end"
    if survivors:
        return f"{story}, {len(survivors)} processes were left"
    if status == 0:
        return program.difference(folder, whole=True)
    if status not in (-kind, 128 + kind):
        return f"{story}, it ended with status {status}: {running.last_line}"
    lines = program.unusual(running, folder)
    if "Traceback" in running.errors or (len(lines) > 1 and program.name != "fairseq-train"):
        return f"{story}, it wrote {len(lines)} lines: {' / '.join(lines[-_SHOWN:])}"
    if left := [path.name for path in folder.rglob("*") if set(path.suffixes) & set(_UNFINISHED)]:
        return f"{story}, it left {', '.join(left)}"
    wrong = program.difference(folder)
    return wrong and f"{story}, {wrong}"


def _wait_for_handlers(running: Running, kind: signal.Signals, stock: bool) -> None:
    """Wait until Python runs the program, or, with a program of fairseq's, our package.

    What Python does before is up to Python: it catches SIGINT from early on.
    """
    seen = False
    while running.process.poll() is None:
        text = Path(f"/proc/{running.pid}/status").read_text()
        caught = int(text.split("SigCgt:")[1].split()[0], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            return  # the handlers for clean ends
        python = bool(caught >> (signal.SIGINT - 1) & 1)
        if seen and not python and not stock:
            return  # the first lines of the program have run
        seen = seen or python
        time.sleep(0.001)
