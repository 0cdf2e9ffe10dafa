"""Errors that a user can mend. Programs show them as one sentence instead of a traceback."""

import sys


class InputError(ValueError):
    """What the user gave cannot work; the message names it and says what to do."""


class MissingFileError(InputError, FileNotFoundError):
    """A file that the user named is not there."""


def show_input_errors_plainly() -> None:
    """Let uncaught input errors end the process with their message alone, exit status 1."""
    previous = sys.excepthook

    def hook(kind, error, traceback):
        if issubclass(kind, InputError):
            print(f"error: {error}", file=sys.stderr)
        else:
            previous(kind, error, traceback)

    sys.excepthook = hook
