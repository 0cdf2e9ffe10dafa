"""One process at a time for each destination, on this machine and on others that share its files.

Locks are flock's: the system releases them when their process ends, however it ends. NFS passes
them on to its server. File systems without locks are left to the names of files, which hold host
and process until all is written (see :func:`.parts.part_path`).
"""

import contextlib
import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import InputError
from .interrupts import leftovers
from .parts import HOST

logger = logging.getLogger(__name__)

_BUSY = (errno.EAGAIN, errno.EACCES)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from making the same file or folder meanwhile.

    Args:
        path: what is being made. The lock is a file beside it, for as long as it is held.

    Raises:
        InputError: if another process is making it, saying which.
    """
    path = path.absolute()
    lock = path.with_name(f".{path.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with _locked(lock, path) as file:
        leftovers.add(lock)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # on a full disk, the lock does not say whose it is
            file.truncate(0)
            os.write(file.fileno(), f"process {os.getpid()} on {HOST}, since {started}".encode())
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)  # before it is released: others notice that it is gone
            leftovers.discard(lock)


def _locked(lock: Path, path: Path) -> IO[str]:
    while True:
        file = lock.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _WITHOUT_LOCKS:
                logger.warning(
                    "%s: the file system has no locks (%s), so take care that one process at a "
                    "time writes there",
                    path,
                    error.strerror,
                )
                return file
            with file:
                if error.errno not in _BUSY:
                    raise
                file.seek(0)
                owner = file.read() or "another process"
            raise InputError(
                f"{path} is being written by {owner}: wait until that has ended, stop it, or "
                "give another place to write to"
            ) from error
        if _is_at(file, lock):
            return file
        file.close()  # of a process that has ended its work; another one may have the next


def _is_at(file, path):
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    return False
