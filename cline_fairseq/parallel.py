"""Map a function over items in other processes, in order and with few items in memory."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import TypeVar

from .errors import InputError
from .runtime.interrupts import held

Item = TypeVar("Item")
Result = TypeVar("Result")
_WAITING = 3  # items per worker that are being processed or waiting


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    start: Callable[..., None],
    args: tuple = (),
) -> Iterator[Result]:
    """``map(function, items)`` in other processes, or in this one if ``workers`` is 1.

    Args:
        function: must be picklable, as must items, results and ``args``.
        items: consumed only as fast as results are taken.
        workers: number of processes.
        start: called first in each process, with ``args``.
        args: arguments of ``start``.

    Raises:
        InputError: if a worker was killed.
    """
    if workers == 1:
        start(*args)
        yield from map(function, items)
        return
    # Not forked, because threads, such as those of torch, do not survive a fork.
    context = multiprocessing.get_context("spawn")
    processes: set[BaseProcess] = set()
    with ProcessPoolExecutor(workers, context, _start, (start, args)) as pool:
        waiting: deque = deque()

        def submit(item):
            others = set(multiprocessing.active_children())
            with held(), _children_ignore_interrupts():  # starts a process if none is idle
                waiting.append(pool.submit(function, item))
                processes.update(set(multiprocessing.active_children()) - others)

        try:
            for item in items:
                submit(item)
                if len(waiting) > _WAITING * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process was killed, perhaps for lack of memory: run the same command "
                "again with fewer --workers"
            ) from error
        except KeyboardInterrupt:
            # Their results are no longer needed. After other errors they finish their work: before
            # Python 3.11.5, the pool waits forever if it cannot pass on an item (gh-94777).
            for process in processes:
                process.kill()
            raise
        except BaseException:
            for future in waiting:
                future.cancel()
            raise


@contextmanager
def _children_ignore_interrupts():
    """Start processes that never receive Ctrl-C, even during imports: the parent ends them."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def _start(start, args):
    # Otherwise a worker whose parent was killed would wait for work forever.
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent():
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    start(*args)
