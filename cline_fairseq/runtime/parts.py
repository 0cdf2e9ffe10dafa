"""Temporary names for unfinished files: unique for each process, and cleaned up after it."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .interrupts import leftovers

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random, new after each boot
_MACHINE_ID = Path("/etc/machine-id")  # random, the same after each boot
_FIRST_PIDS = 4026531836  # Linux's number for the namespace of process ids outside containers


def _machine() -> str:
    """A name for this machine across boots. Different machines may have the same host name."""
    name = os.uname().nodename
    with suppress(OSError):
        identity = hashlib.sha256(
            _MACHINE_ID.read_bytes()
        ).hexdigest()  # the id itself should stay secret
        name += f"-{identity[:8]}"
    return name


def _host() -> str:
    """A name for this machine since its boot, or for a container with its own process ids.

    Containers on different machines may have the same number.
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
    """A temporary path next to ``path`` that no other process uses.

    The suffix stays the same, because some libraries depend on it. Unfinished files that killed
    processes of this host left in the folder are removed, even those from before its last boot.
    Call :func:`remove_part` at the end.
    """
    path = path.parent.resolve() / path.name  # so that each leftover has only one name
    for left in _parts_of_dead(path.parent):
        with suppress(OSError):  # in shared folders, it may belong to another user
            _remove(left)
    part = path.with_name(f"{path.stem}.{HOST}.{os.getpid()}.part{path.suffix}")
    leftovers.add(part)
    return part


def remove_part(part: Path) -> None:
    """Remove an unfinished file or folder, if it still exists under this name."""
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
    """Whether a file or folder was not written since this machine's boot.

    Otherwise it may belong to a copy of this machine, with the same name and id.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/stat").read_text().splitlines()
        start = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        return all(part.stat().st_mtime < start for part in (path, *path.rglob("*")))
    return False


def _is_in_use(path, pid):
    if pid == os.getpid():  # or an earlier one: in containers, process ids start from 1 each time
        return path in leftovers
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True
