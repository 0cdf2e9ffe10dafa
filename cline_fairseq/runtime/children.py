"""Programs that a program starts, and that end when it ends, in whatever way.

This module is also the program that turns into the one to start, after it has told the system to
kill it along with its parent.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

_PATIENCE = 0.9  # seconds to end by itself; see interrupts.py
_PR_SET_PDEATHSIG = 1
_ERROR = "error: "  # as errors.py has it
_running: set[subprocess.Popen] = set()


@contextlib.contextmanager
def started(command: Sequence[str], **options) -> Iterator[subprocess.Popen]:
    """Start a program, which is stopped if the block ends in an error or is interrupted.

    Ctrl-C, which a terminal sends to this process's group, does not reach it: it has a group of its
    own. It dies with the thread that started it, even if this process is killed (on Linux).

    Args:
        command: the program, by its path, and its arguments.
        options: of :class:`subprocess.Popen`.
    """
    # Without site-packages, since that takes ten times as long.
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
    """Stop what other threads have started and are waiting for."""
    _stop(list(_running))


def told(lines: Sequence[str]) -> str | None:
    """The sentence in which a program that failed said why, if its output ends with one.

    Args:
        lines: the end of its output.
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
            os.killpg(process.pid, signal.SIGKILL)  # what it has started and not ended


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
