"""Recognize a full disk, even if a library replaced the exception, and report it in a sentence."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

# No space left on the device, an exceeded quota, or a limit on the size of files.
_SENTENCES = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def no_room(error: BaseException | None) -> str | None:
    """The system's message about a full disk, or None if the error has another cause.

    Libraries written in C++ and Rust quote the system's message, or raise their own error after
    Python's.
    """
    while error is not None:
        text = str(error)
        for sentence in _SENTENCES:
            if sentence in text:
                return sentence
        error = error.__cause__ or error.__context__
    return None


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Turn errors of the block that come from a full disk into one sentence.

    Args:
        path: the file that the block writes.

    Raises:
        InputError: if the disk is full.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # some libraries raise Exception itself
        if reason := no_room(error):
            raise InputError(
                f"no space left to write {path} ({reason}): free some space and run the command "
                "again"
            ) from error
        raise
