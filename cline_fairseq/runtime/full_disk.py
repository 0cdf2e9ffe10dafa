"""A full disk: recognized even if a library replaced the exception; reported in one sentence."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError

# No space left on device, a quota, or a limit on the size of files.
_SENTENCES = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


def no_room(error: BaseException | None) -> str | None:
    """What the system said about a full disk, if an error comes from that.

    Libraries in C++ and Rust quote the system's sentence, or raise an error of their own after
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
    """Say in one sentence that there is no space left for what a block writes.

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
                f"no space left to write {path} ({reason}): free some and run the command again"
            ) from error
        raise
