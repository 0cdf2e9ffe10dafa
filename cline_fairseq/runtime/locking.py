"""Let only one process at a time write a file, on this machine and others that share its files.

The locks use flock: the system releases them when their process ends, however it ends, because
forked children give them up. NFS passes them on to its server. On file systems without locks, only
the names of unfinished files, which contain host and process, keep processes apart (see
:func:`.parts.part_path`).
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
_PATIENCE = 2  # seconds to wait for a process that was killed to disappear
_POLLING = 0.05  # seconds

_held: dict[Path, IO[str]] = {}


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other processes from writing the same file or folder during the block.

    The lock is reentrant within this process.

    Args:
        path: the file or folder to write; its parent folder must exist. The lock is a file next to
            it, which is removed at the end. Devices and pipes are not locked.

    Raises:
        InputError: if another process is writing it (the message names the process), or if the lock
            cannot be created.
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
            f"cannot write {path} ({error.strerror}): choose another place to write to"
        ) from error
    with locked as file:
        _held[lock] = file
        leftovers.add(lock)
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError):  # on a full disk, the lock does not name its owner
            file.truncate(0)
            host = os.uname().nodename
            os.write(file.fileno(), f"process {os.getpid()} on {host}, since {started}".encode())
        try:
            yield
        finally:
            if _held.pop(lock, None):  # not in a forked child
                lock.unlink(missing_ok=True)  # before releasing it: waiting processes notice
                leftovers.discard(lock)


def is_device(path: Path) -> bool:
    """Whether a path is a device, pipe or socket, which must not be replaced by a file."""
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
                    "%s: the file system has no locks (%s), so make sure that only one process at "
                    "a time writes there",
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
                f"{path} is being written by {owner}: wait for it to finish, stop it, or choose "
                "another place to write to"
            ) from error
        if _is_at(file, lock):
            return file
        file.close()  # its owner has removed it, and another process may have created a new one


def _is_at(file, path):
    try:
        opened = os.fstat(file.fileno())
        return opened.st_nlink > 0 and os.path.samestat(opened, path.stat())
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESTALE):  # ESTALE: a file that is gone, on NFS
            return False
        raise
