"""Load files saved by torch without running code that they may contain."""

import pickle
import re
import warnings
from typing import Any

import torch

from .errors import InputError


def safe_load(file: Any, *args: Any, **kwargs: Any) -> Any:
    """``torch.load`` with weights_only, and with an error that says why a file is not safe.

    torch's own message explains how to load such a file anyway.

    Args:
        file: a path, or a file opened for reading.
        args: passed to ``torch.load``.
        kwargs: passed to ``torch.load``; ``weights_only`` is always True.

    Raises:
        InputError: if the file is damaged or contains an object of another class, which could run
            code.
    """
    name = getattr(file, "name", file)
    try:
        with warnings.catch_warnings():
            # This warning asks users to report files with other pickle protocols to torch.
            warnings.filterwarnings("ignore", "Detected pickle protocol", UserWarning)
            return torch.load(file, *args, **{**kwargs, "weights_only": True})
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL (\S+)", str(error))
        if foreign is None:
            raise InputError(
                f"{name} is not a checkpoint, or is damaged{_reason(error)}: specify the .pt file "
                "of a model that holds only tensors and plain data, or get it again"
            ) from error
        raise InputError(
            f"{name} is not safe to load: it holds {foreign[1]}, which could run code, but a "
            "checkpoint may hold only tensors and plain data; get the model from a source that "
            "you trust, and save it without this object"
        ) from error


def _reason(error):
    """torch's reason, without its advice."""
    _, found, reason = str(error).partition("WeightsUnpickler error: ")
    lines = reason.split("\n\nCheck the doc")[0].split()
    return f" ({' '.join(lines)[:200]})" if found and lines else ""
