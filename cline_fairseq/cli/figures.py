"""Drawing with matplotlib, which is optional and imported only when needed."""

from pathlib import Path
from types import ModuleType
from typing import Any

from ..atomic_io import atomic_write
from ..errors import InputError


def load_pyplot() -> ModuleType:
    """Import matplotlib's pyplot, set up to draw without a display.

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
    """Save a figure, complete or not at all.

    Args:
        path: the PNG file to write.
        figure: a ``matplotlib.figure.Figure``.
        dpi: dots per inch.
    """
    with atomic_write(path) as part:
        figure.savefig(part, dpi=dpi)
