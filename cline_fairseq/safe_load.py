"""Loading of files that torch saved, without running code that they may hold."""

import pickle
import re
import warnings
from typing import Any

import torch

from .errors import InputError


def safe_load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """``torch.load`` with weights_only, whose error says that the file is not safe.

    torch's own message explains how to load such a file all the same.

    Args:
        file: a path, or a file opened for reading.
        args: as for ``torch.load``.
        kwargs: as for ``torch.load``.

    Raises:
        InputError: if the file is damaged, or holds an object of a foreign class, which could run
            code.
    """
    name = getattr(file, "name", file)
    try:
        with warnings.catch_warnings():
            # It asks users to report pickles of other protocols to torch.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(file, *args, **{**kwargs, "weights_only": True})
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        if foreign is None:
            raise InputError(
                f"{name} is not a checkpoint, or is damaged{_reason(error)}: give the .pt file of "
                "a model that holds only tensors and plain data, or get it again"
            ) from error
        raise InputError(
            f"{name} is not safe to load: it holds {foreign[1]}, which could run code, where a "
            "checkpoint may hold only tensors and plain data; get the model from a source that "
            "you trust, and save it without this object"
        ) from error


def _reason(error):
    """What torch says beside its advice."""
    _, found, reason = str(error).partition("WeightsUnpickler error: ")
    lines = reason.split("\n\nCheck the doc")[0].split()
    return f" ({' '.join(lines)[:200]})" if found and lines else ""
