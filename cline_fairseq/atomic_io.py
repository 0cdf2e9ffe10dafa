"""Files of programs: texts that must be there, and output that is complete or absent."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .errors import InputError, MissingFileError
from .runtime.full_disk import room_for
from .runtime.locking import alone, is_device
from .runtime.parts import part_path, remove_part


def require_text(path: Path) -> None:
    """Make sure that a text is there.

    Raises:
        MissingFileError: if it is not.
    """
    if not path.is_file():
        raise MissingFileError(f"no text {path}: give a file of plain text, one text a line")


def require_file(path: Path, advice: str) -> None:
    """Make sure that a file is there.

    Args:
        path: the file.
        advice: what to give instead of one that is missing.

    Raises:
        MissingFileError: if it is missing.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: {advice}")


def require_folder_of(path: Path | None) -> None:
    """Make sure that a file can be written, if one was named.

    Raises:
        MissingFileError: if its folder is missing.
        InputError: if there is no permission to write in the folder.
    """
    if path is None or is_device(path):
        return
    if not path.parent.is_dir():
        raise MissingFileError(f"no folder {path.parent} to write {path.name} to: make it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"no permission to write {path.name} in {path.parent}: give another place to write to"
        )


def is_plain_name(name: str) -> bool:
    """Whether a name is that of a file in a folder, which it does not leave."""
    return name not in ("", ".", "..") and Path(name).name == name


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless they are there.

    Raises:
        InputError: if that cannot be.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder {path} cannot be made ({error.strerror}): give another place to write to"
        ) from error


def require_new_folder(path: Path) -> None:
    """Make sure that nothing is at a path, or an empty folder.

    Raises:
        InputError: if something is.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} is there already: give a new folder, or remove it")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which takes its name if the block succeeds.

    See :func:`.parts.part_path`. The target of a symbolic link is replaced, and not the link. A
    device or a pipe, such as /dev/null, is written to itself.

    Raises:
        InputError: if the disk is full, or if ``path`` is a folder.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: give a file to write to")
    if is_device(path):
        with room_for(path):
            yield path
        return
    path = path.resolve()
    part = part_path(path)
    try:
        with room_for(path):
            yield part
            os.replace(part, path)
    finally:
        remove_part(part)


def write_json(path: Path, value: Any) -> None:
    """Write JSON for other programs to read; see :func:`atomic_write`.

    Raises:
        ValueError: if a number is none, which JSON cannot hold.
    """
    with atomic_write(path) as part:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        part.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside ``path``, which takes its name when all went well.

    Raises:
        InputError: if ``path`` is there already, unless it is an empty folder, if another process
            is making it, or if there can be no folder.
    """
    path = path.resolve()  # "." has no name, and a link is no folder
    require_new_folder(path)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(alone(path))
            part = part_path(path)
            stack.callback(remove_part, part)
            part.mkdir()
        except OSError as error:
            raise InputError(f"{path} cannot be made: {error.strerror}") from error
        require_new_folder(path)  # another process may have made it by now
        with room_for(path):
            yield part
            os.replace(part, path)  # over an empty folder, too
