"""One process at a time for each destination, on this machine and on others that share its files.

Locks are flock's: the system releases them when their process ends, however it ends, since forked
children give them up. NFS passes them on to its server. File systems without locks are left to the
names of files, which hold host and process until all is written (see :func:`.parts.part_path`).
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

from ..errors import InputError
from .interrupts import leftovers

logger = logging.getLogger(__name__)

_BUSY = (errno.EAGAIN, errno.EACCES)
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_PATIENCE = 2  # seconds in which a process that was killed is surely gone
_POLLING = 0.05  # seconds

_held: dict[Path, IO[str]] = {}


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from making the same file or folder meanwhile.

    A function that this process calls while it holds the lock may ask for it again.

    Args:
        path: what is being made, in a folder that exists. The lock is a file beside it, for as long
            as it is held. Devices and pipes are not locked.

    Raises:
        InputError: if another process is making it, saying which, or if there can be no lock.
    """
    path = path.absolute()
    lock = path.with_name(f".{path.name}.lock")
    if lock in _held or is_device(path):
        yield
        return
    try:
        locked = _locked(lock, path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror}): give another place to write to"
        ) from error
    with locked as file:
        _held[lock] = file
        leftovers.add(lock)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # on a full disk, the lock does not say whose it is
            file.truncate(0)
            host = os.uname().nodename
            os.write(file.fileno(), f"process {os.getpid()} on {host}, since {started}".encode())
        try:
            yield
        finally:
            if _held.pop(lock, None):  # not in a forked child
                lock.unlink(missing_ok=True)  # before it is released: others notice its absence
                leftovers.discard(lock)


def is_device(path: Path) -> bool:
    """Whether this is a device, pipe or socket, which must not be replaced by a file."""
    return path.exists() and not (path.is_file() or path.is_dir())


def _leave_to_parent():
    for file in _held.values():
        file.close()
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


def _locked(lock: Path, path: Path) -> IO[str]:
    deadline = time.monotonic() + _PATIENCE
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
            if time.monotonic() < deadline:
                time.sleep(_POLLING)
                continue
            raise InputError(
                f"{path} is being written by {owner}: wait for it to finish, stop it, or give "
                "another place to write to"
            ) from error
        if _is_at(file, lock):
            return file
        file.close()  # of a process that has ended its work; another one may have the next


def _is_at(file, path):
    try:
        opened = os.fstat(file.fileno())
        return opened.st_nlink > 0 and os.path.samestat(opened, path.stat())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):  # NFS's word for a file that is gone
            return False
        raise
