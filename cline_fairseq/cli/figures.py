"""Drawing with matplotlib, an extra that is imported when it is needed."""

from pathlib import Path
from typing import Any

from ..atomic_io import atomic_write
from ..errors import InputError


def load_pyplot():
    """matplotlib's pyplot, to draw without a display.

    Raises:
        InputError: if matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise InputError(
            "matplotlib is missing; install it with: pip install 'cline-fairseq[plot]'"
        ) from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def save_figure(path: Path, figure: Any, dpi: int = 120) -> None:
    """Save a figure of matplotlib; see :func:`atomic_write`."""
    with atomic_write(path) as part:
        figure.savefig(part, dpi=dpi)
