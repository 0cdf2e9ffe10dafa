"""The packages of the extra ``lexicon``, which a core installation lacks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs_extra() -> Iterator[None]:
    """End the program with one sentence if an import in the block finds a package missing."""
    try:
        yield
    except ImportError as error:
        sys.exit(f"{error.name} is missing; install it with: pip install 'cline-fairseq[lexicon]'")
