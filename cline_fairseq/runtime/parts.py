"""Names for files that are not finished: each process has its own, and none stays for long."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .interrupts import leftovers

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random, another one after each start
_FIRST_PIDS = 4026531836  # Linux's number for the process ids outside of all containers


def _host() -> str:
    """This machine since its start, or a container on it that has process ids of its own.

    Machines may have the same name, and containers on two machines the same number.
    """
    name = os.uname().nodename
    with suppress(OSError):
        name += f"-{_BOOT_ID.read_text()[:8]}"
        pids = os.stat("/proc/self/ns/pid").st_ino
        return name if pids == _FIRST_PIDS else f"{name}-{pids}"
    return name


HOST = _host()
_PART = re.compile(rf"\.{re.escape(HOST)}\.(\d+)\.part(\.[^.]*)?$")


def part_path(path: Path) -> Path:
    """A name beside ``path`` that no other process uses, to write under until all is written.

    The ending stays the same, since some libraries go by it. What killed processes of this host
    have left in the folder is removed. Call :func:`remove_part` in the end.
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
        if (match := _PART.search(path.name)) and not _is_in_use(path, int(match[1])):
            yield path


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
