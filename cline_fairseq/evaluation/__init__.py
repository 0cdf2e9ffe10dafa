"""Evaluation of trained models: contrast sets, Hits, attacks, AdvGLUE and GLUE."""

from importlib import import_module
from typing import Any

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    """Import the predictor, and torch with it, only when it is used: reports do not need it."""
    if name in __all__:
        return import_module("..inference", __name__).Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
