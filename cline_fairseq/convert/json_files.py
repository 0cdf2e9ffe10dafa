"""The JSON files of a folder of Hugging Face."""

import json
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingFileError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that contains an object.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not JSON, or not an object.
    """
    return _read(path, dict, "an object in braces")


def read_json_list(path: Path) -> list[Any]:
    """Read a JSON file that contains a list.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not JSON, or not a list.
    """
    return _read(path, list, "a list in brackets")


def _read(path, kind, what):
    if not path.is_file():
        raise MissingFileError(f"no {path.name} in {path.parent}: specify the folder of a model")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, kind):
        raise InputError(f"{path} must contain {what}")
    return value
