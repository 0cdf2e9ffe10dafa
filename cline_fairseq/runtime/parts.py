"""Names for files that are not finished: each process has its own, and none stays for long."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .interrupts import leftovers

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random, another one after each start
_MACHINE_ID = Path("/etc/machine-id")  # random, the same after each start
_FIRST_PIDS = 4026531836  # Linux's number for the process ids outside of all containers


def _machine() -> str:
    """This machine, whenever it was started. Machines may have the same name."""
    name = os.uname().nodename
    with suppress(OSError):
        identity = hashlib.sha256(_MACHINE_ID.read_bytes()).hexdigest()  # it is not to be shown
        name += f"-{identity[:8]}"
    return name


def _host() -> str:
    """This machine since its start, or a container on it that has process ids of its own.

    Containers on two machines may have the same number.
    """
    name = _machine()
    with suppress(OSError):
        name += f"-{_BOOT_ID.read_text()[:8]}"
        pids = os.stat("/proc/self/ns/pid").st_ino
        return name if pids == _FIRST_PIDS else f"{name}-{pids}"
    return name


MACHINE, HOST = _machine(), _host()
_PART = re.compile(rf"\.{re.escape(HOST)}\.(\d+)\.part(\.[^.]*)?$")
_EARLIER = re.compile(rf"\.{re.escape(MACHINE)}-[0-9a-f]{{8}}\.\d+\.part(\.[^.]*)?$")


def part_path(path: Path) -> Path:
    """A name beside ``path`` that no other process uses, to write under until all is written.

    The ending stays the same, since some libraries go by it. What killed processes of this host
    have left in the folder is removed, also that of before its last start. Call
    :func:`remove_part` in the end.
    """
    path = path.parent.resolve() / path.name  # so that leftovers have one name only
    for left in _parts_of_dead(path.parent):
        with suppress(OSError):  # in folders of several users, it may be another one's
            _remove(left)
    part = path.with_name(f"{path.stem}.{HOST}.{os.getpid()}.part{path.suffix}")
    leftovers.add(part)
    return part


def remove_part(part: Path) -> None:
    """Remove an unfinished file or folder, if it is still there under this name."""
    _remove(part)
    leftovers.discard(part)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _parts_of_dead(folder) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in list(folder.iterdir()):
        if match := _PART.search(path.name):
            if not _is_in_use(path, int(match[1])):
                yield path
        elif _EARLIER.search(path.name) and _is_older_than_start(path):
            yield path


def _is_older_than_start(path):
    """Whether nobody has written it since the start of this machine.

    Copies of a machine may have its name and its id, and write to the same files.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/stat").read_text().splitlines()
        start = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        return all(part.stat().st_mtime < start for part in (path, *path.rglob("*")))
    return False


def _is_in_use(path, pid):
    if pid == os.getpid():  # perhaps once more, where each start of a container counts from 1
        return path in leftovers
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
