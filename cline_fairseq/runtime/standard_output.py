"""Handle standard output at the end of a program: a full disk, or a pipe that nobody reads."""

import os
import select
import sys

from .full_disk import no_room


def flush_output() -> None:
    """Flush standard output; on a full disk, end the process with one sentence."""
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        if not (reason := no_room(error)):
            raise
        print(f"error: no space left to write the output ({reason})", file=sys.stderr)
        sys.stderr.flush()
        os._exit(1)  # Python would flush again, and print another error


def nobody_reads() -> bool:
    """Whether standard output is a pipe whose reader has ended, as in ``program | head``."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def drop_output() -> None:
    """Discard buffered output, which would make Python print an error at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
