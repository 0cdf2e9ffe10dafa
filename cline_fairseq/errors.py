"""Errors that a user can mend. Programs show them as one sentence instead of a traceback."""

import atexit
import sys

from .runtime import interrupts


class InputError(ValueError):
    """What the user gave cannot work; the message names it and says what to do."""


class MissingFileError(InputError, FileNotFoundError):
    """A file that the user named is not there."""


def show_input_errors_plainly() -> None:
    """Let uncaught input errors end the process with their message alone, exit status 1.

    Ctrl-C and SIGTERM end it with one line, too; see :mod:`.interrupts`.
    """
    from .runtime.full_disk import no_room
    from .runtime.standard_output import drop_output, flush_output, nobody_reads
    from .runtime.terminal import printable

    interrupts.end_cleanly()
    atexit.register(flush_output)
    previous = sys.excepthook

    def hook(kind, error, traceback):
        if interrupts.was_interrupted():  # even if a library replaced the exception
            interrupts.report()
        elif issubclass(kind, InputError):
            print(f"error: {printable(str(error), layout='')}", file=sys.stderr)
        elif no_room(error):
            message = printable(f"no space left to write: {error}", layout="")
            print(f"error: {message}; free some and try again", file=sys.stderr)
        elif issubclass(kind, BrokenPipeError) and nobody_reads():
            drop_output()  # such programs end without a word
        else:
            previous(kind, error, traceback)

    sys.excepthook = hook
