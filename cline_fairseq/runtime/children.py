"""Start programs that end together with this one, however it ends.

This module is also run as a small program that asks the system to be killed when its parent dies,
and then replaces itself with the program to start.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

_PATIENCE = 0.9  # seconds that a program gets to end by itself; see interrupts.py
_PR_SET_PDEATHSIG = 1
_ERROR = "error: "  # as in errors.py
_running: set[subprocess.Popen] = set()


@contextlib.contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen]:
    """Start a program; stop it if the block raises an exception or is interrupted.

    The program has its own process group, so Ctrl-C in a terminal does not reach it. On Linux, it
    dies with the thread that started it, even if this process is killed.

    Args:
        command: path and arguments of the program.
        options: passed to :class:`subprocess.Popen`.
    """
    # Without site-packages, which take ten times as long to load.
    wrapper = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    with subprocess.Popen([*wrapper, *command], process_group=0, **options) as process:
        _running.add(process)
        try:
            yield process
        except BaseException:
            _stop([process])
            raise
        finally:
            _running.discard(process)


def stop_all() -> None:
    """Stop the programs that other threads have started and are waiting for."""
    _stop(list(_running))


def told(lines: Sequence[str]) -> str | None:
    """The message with which a program failed, or None if it printed none.

    Args:
        lines: the end of the program's output.
    """
    sentences = [line.strip() for line in lines if line.startswith(_ERROR)]
    return sentences[-1].removeprefix(_ERROR) if sentences else None


def _stop(processes):
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _PATIENCE
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # programs that it started and did not end


def _become(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent died before prctl took effect
        sys.exit(1)
    # See interrupts.py, which this program cannot import.
    os.environ["CLINE_FAIRSEQ_PARENT"] = str(parent)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{_ERROR}cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
