"""Names for files that are not finished: each process has its own, and none stays for long."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .interrupts import leftovers

_FIRST_PIDS = 4026531836  # Linux's number for the process ids outside of all containers


def _host() -> str:
    """This machine, or a container on it that has process ids of its own."""
    name = os.uname().nodename
    with suppress(OSError):
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
    for left in _parts_of_dead(path.parent):
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
        if (match := _PART.search(path.name)) and not _is_running(int(match[1])):
            yield path


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        return True
    return True
