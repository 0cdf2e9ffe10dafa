"""Check that input files exist, and write output so that it is either complete or absent."""

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
    """Make sure that a text file exists.

    Raises:
        MissingFileError: if it does not.
    """
    if not path.is_file():
        raise MissingFileError(f"no text {path}: specify a plain-text file, one text per line")


def require_file(path: Path, advice: str) -> None:
    """Make sure that a file exists.

    Args:
        path: the file.
        advice: what to do if it is missing, as the end of the error message.

    Raises:
        MissingFileError: if it is missing.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: {advice}")


def require_folder_of(path: Path | None) -> None:
    """Make sure that a file can be written to its folder. None is allowed and means no file.

    Raises:
        MissingFileError: if its folder is missing.
        InputError: if there is no permission to write in the folder.
    """
    if path is None or is_device(path):
        return
    if not path.parent.is_dir():
        raise MissingFileError(f"no folder {path.parent} to write {path.name} to: create it first")
    if not os.access(path.parent, os.W_OK):
        raise InputError(
            f"no permission to write {path.name} in {path.parent}: choose another place to write to"
        )


def is_plain_name(name: str) -> bool:
    """Whether a name stays within its folder: not a path, and not ``.`` or ``..``."""
    return name not in ("", ".", "..") and Path(name).name == name


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless they exist.

    Raises:
        InputError: if this fails.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {path} ({error.strerror}): choose another place to write to"
        ) from error


def require_new_folder(path: Path) -> None:
    """Make sure that a path does not exist, or is an empty folder.

    Raises:
        InputError: if something else is there.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} already exists: choose a new folder, or remove it")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``, renamed to ``path`` if the block succeeds.

    See :func:`.runtime.parts.part_path`. If ``path`` is a symbolic link, its target is replaced. A
    device or a pipe, such as /dev/null, is written to directly.

    Raises:
        InputError: if the disk is full, or if ``path`` is a folder.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: specify a file to write to")
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
    """Write a JSON file; see :func:`atomic_write`.

    Args:
        path: the file.
        value: what to write.

    Raises:
        ValueError: if the value contains NaN or infinity.
    """
    with atomic_write(path) as part:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        part.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``path``, renamed to ``path`` if the block succeeds.

    Raises:
        InputError: if ``path`` exists and is not an empty folder, if another process is writing
            it, or if the folder cannot be created.
    """
    path = path.resolve()  # "." has no name, and a link cannot be replaced by a folder
    require_new_folder(path)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(alone(path))
            part = part_path(path)
            stack.callback(remove_part, part)
            part.mkdir()
        except OSError as error:
            raise InputError(f"cannot create {path}: {error.strerror}") from error
        require_new_folder(path)  # another process may have created it meanwhile
        with room_for(path):
            yield part
            os.replace(part, path)  # also replaces an empty folder
