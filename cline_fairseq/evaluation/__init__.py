"""Evaluation of models that are trained. It uses them; of the rest, only ``interop`` imports it."""

from importlib import import_module

__all__ = ["Predictor"]


def __getattr__(name):
    """Import the predictor, and fairseq with it, when it is asked for: tables do without."""
    if name in __all__:
        return import_module("..inference", __name__).Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
