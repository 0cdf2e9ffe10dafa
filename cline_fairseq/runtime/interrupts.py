"""Make Ctrl-C and SIGTERM end a program cleanly within two seconds, with a one-line message.

A program calls :func:`end_at_once` before its imports, while there is nothing to clean up, and
:func:`end_cleanly` before it starts to work. From then on, the first signal raises
KeyboardInterrupt in the main thread, so context managers clean up. If this takes too long, for
example because the main thread is inside a library, another thread ends the process. Finally the
process dies of the signal, as shells and schedulers expect: they report status 130 or 143.
"""

import atexit
import contextlib
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_PATIENCE = 1.2  # seconds that cleaning up may take
_PATIENCE_OF_CHILDREN = 0.6  # less than their parents wait for them, see children.py
_LINES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated by SIGTERM"}
_POLLING = 0.5  # seconds
_MOMENT = 0.01  # seconds until a signal is sent again
# The warning with which multiprocessing's tracker cleans up after a process that could not.
LEAKS = "ignore:resource_tracker:UserWarning"
PARENT = "CLINE_FAIRSEQ_PARENT"  # variable: process that reports for this one, see children.py

leftovers: set[Path] = set()
"""Unfinished files and folders of this process, which are removed if it is interrupted."""

_process: int | None = None  # the process that called end_cleanly
_received: int | None = None  # the first signal
_holding = _pending = _lost = _reported = False


def end_at_once() -> None:
    """Let Ctrl-C end this process without a traceback, even during imports."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_cleanly() -> None:
    """Let Ctrl-C and SIGTERM end this process as the module describes.

    Signals that are ignored or handled by other code are left alone.
    """
    global _process
    if threading.current_thread() is not threading.main_thread():
        return
    ours = [
        n for n in _LINES if signal.getsignal(n) in (signal.SIG_DFL, signal.default_int_handler)
    ]
    if not ours:
        return
    from multiprocessing import util  # it must register its exit handler after ours

    _process = os.getpid()
    for number in ours:
        signal.signal(number, _interrupt)
    others = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = f"{others},{LEAKS}" if others else LEAKS
    sys.unraisablehook = _raise_again_after(sys.unraisablehook)
    # Python runs handlers only between its own instructions; this pipe reports signals at once.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    other = _set_wakeup_fd(writer)
    if other >= 0:  # of an event loop, which would no longer receive signals
        _set_wakeup_fd(other)
    else:
        threading.Thread(target=_end_late, args=(reader,), daemon=True).start()
    os.register_at_fork(after_in_child=lambda: _start_forked(writer))
    util.register_after_fork(_start_forked_worker, lambda start: start())


def _set_wakeup_fd(descriptor):
    return signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)


def end_with_parent() -> None:
    """End this process as if by SIGTERM when its parent has ended or was killed.

    Otherwise a rank of distributed training would continue, and write to the same files as a run
    that is started again. Call :func:`end_cleanly` first.
    """
    arguments = (os.getppid(), lambda: os.kill(os.getpid(), signal.SIGTERM))
    threading.Thread(target=_end_with, args=arguments, daemon=True).start()


def was_interrupted() -> bool:
    """Whether a signal has told this process to end."""
    return _received is not None


def report() -> None:
    """Clean up and print why the process ends, after its context managers have exited."""
    with contextlib.suppress(OSError, ValueError):  # a closed pipe
        sys.stdout.flush()
    _clean_up()


@atexit.register
def _die():
    # Registered before the exit handler of multiprocessing, so it runs after that.
    if _received is not None:
        signal.signal(_received, signal.SIG_DFL)
        os.kill(os.getpid(), _received)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Delay an interruption until the end of the block, which must not be left half done."""
    global _holding, _pending
    _holding = True
    try:
        yield
    finally:
        _holding = False
    if _pending:
        _pending = False
        raise KeyboardInterrupt


def _interrupt(number, frame):
    global _received, _pending, _lost
    if os.getpid() != _process:  # a child that has just been forked
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    if _received is not None and not _lost:
        return  # already cleaning up
    _received, _lost = _received or number, False
    if _holding:
        _pending = True
    else:
        raise KeyboardInterrupt


def _raise_again_after(show):
    """Repeat a signal whose KeyboardInterrupt came in a ``__del__``, where Python drops it."""

    def hook(unraisable):
        if _received is None or not issubclass(unraisable.exc_type, KeyboardInterrupt):
            show(unraisable)
        else:
            with contextlib.suppress(
                RuntimeError
            ):  # no more threads, because Python is shutting down
                threading.Thread(target=_send_again, daemon=True).start()

    return hook


def _send_again():
    global _lost
    time.sleep(_MOMENT)  # within the hook, it would be lost again
    _lost = True
    os.kill(os.getpid(), _received)


def _end_late(reader):
    global _received
    while True:
        for number in os.read(reader, 64):
            if number in _LINES and signal.getsignal(number) is _interrupt:
                time.sleep(_PATIENCE_OF_CHILDREN if _has_reporting_parent() else _PATIENCE)
                _received = _received or number
                _clean_up()
                os._exit(128 + number)


def _clean_up():
    global _reported
    import multiprocessing

    for child in multiprocessing.active_children():
        child.kill()
    for path in list(leftovers):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
    if _has_reporting_parent() or _reported:
        return
    _reported = True
    with contextlib.suppress(OSError):
        os.write(2, f"{_LINES[_received]}\n".encode())


def _has_reporting_parent():
    import multiprocessing

    started = os.environ.get(PARENT) == str(os.getppid())
    return started or multiprocessing.parent_process() is not None


def _start_forked(writer):
    """Leave the parent's files and pipe alone in a forked child."""
    leftovers.clear()
    other = _set_wakeup_fd(-1)
    if other not in (-1, writer):
        _set_wakeup_fd(other)


def _start_forked_worker():
    """In a child of multiprocessing, leave signals to the parent and end when it ends."""
    import multiprocessing

    for number, handler in ((signal.SIGINT, signal.SIG_IGN), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, handler)
    parent = multiprocessing.parent_process().pid
    threading.Thread(target=_end_with, args=(parent, lambda: os._exit(1)), daemon=True).start()


def _end_with(parent, end):
    while os.getppid() == parent:
        time.sleep(_POLLING)
    end()
