"""Errors that a user can fix. Programs show them as one sentence instead of a traceback."""

import atexit
import sys

from .runtime import interrupts


class InputError(ValueError):
    """The user's input cannot work; the message names what is wrong and says what to do."""


class MissingFileError(InputError, FileNotFoundError):
    """A file that the user named is missing."""


def show_input_errors_plainly() -> None:
    """Make an uncaught input error end the process with only its message and exit status 1.

    Ctrl-C and SIGTERM end it with one line as well; see :mod:`.runtime.interrupts`.
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
            print(f"error: {message}; free some space and try again", file=sys.stderr)
        elif issubclass(kind, BrokenPipeError) and nobody_reads():
            drop_output()  # programs end silently if nobody reads their output
        else:
            previous(kind, error, traceback)

    sys.excepthook = hook
