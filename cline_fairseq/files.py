"""Files of programs: texts that must be there, and output that is complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import MissingFileError


def require_text(path: Path) -> None:
    """Make sure that a text is there.

    Raises:
        MissingFileError: if it is not.
    """
    if not path.is_file():
        raise MissingFileError(f"no text {path}: give a file of plain text, one text a line")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to, which takes its name when all went well.

    The ending stays the same, since some libraries go by it.
    """
    part = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
