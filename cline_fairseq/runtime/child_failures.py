"""What a program says of a program that it has started, and that failed."""

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

    Its own sentence says why it failed, if there is one. Otherwise the end of its output is shown
    on standard error.

    Args:
        status: its ``returncode``.
        name: what error messages call it.
        last_lines: the end of its output, with ends of lines.
        log: a file with all of its output.

    Raises:
        InputError: if it failed.
    """
    if not status:
        return
    where = f"; all that it said is in {log}" if log else ""
    if sentence := told(last_lines):
        raise InputError(f"{name} failed: {sentence}{where}")
    if not was_interrupted():  # it was stopped then
        tqdm.write(printable("".join(last_lines)), file=sys.stderr, end="")  # above any bar
    if status < 0:
        raise InputError(f"{name} was ended by {signal.Signals(-status).name}{where}")
    raise InputError(f"{name} failed with exit status {status}{where}")
