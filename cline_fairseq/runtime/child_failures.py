"""Report why a program that this program started has failed."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..errors import InputError
from .children import told
from .interrupts import was_interrupted
from .terminal import printable


def require_success(
    status: int, name: str, last_lines: Sequence[str], log: Path | None = None
) -> None:
    """Make sure that a program has succeeded.

    The error quotes the program's own error message, if it ended with one. Otherwise the end of its
    output is printed to standard error.

    Args:
        status: the program's ``returncode``.
        name: what the error message calls the program.
        last_lines: the end of its output, including line ends.
        log: a file with all of its output, to mention in the error message.

    Raises:
        InputError: if it failed.
    """
    if not status:
        return
    where = f"; its full output is in {log}" if log else ""
    if sentence := told(last_lines):
        raise InputError(f"{name} failed: {sentence}{where}")
    if not was_interrupted():  # otherwise it was stopped, and did not fail
        tqdm.write(printable("".join(last_lines)), file=sys.stderr, end="")  # above any bar
    if status < 0:
        raise InputError(f"{name} was ended by {signal.Signals(-status).name}{where}")
    raise InputError(f"{name} failed with exit status {status}{where}")
