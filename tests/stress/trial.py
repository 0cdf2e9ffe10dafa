"""What the modules beside this one yield, one for each attempt to break something."""

from typing import NamedTuple


class Trial(NamedTuple):
    """One attempt.

    Attributes:
        what: the row of the table that it counts in, such as "SIGKILL of encode".
        failure: what went wrong, in a sentence; None if everything held.
    """

    what: str
    failure: str | None = None
