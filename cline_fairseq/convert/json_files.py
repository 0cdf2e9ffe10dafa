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
    value = _read(path)
    if not isinstance(value, dict):
        raise InputError(f"{path} must contain an object in braces")
    return value


def read_json_list(path: Path) -> list[Any]:
    """Read a JSON file that contains a list.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not JSON, or not a list.
    """
    value = _read(path)
    if not isinstance(value, list):
        raise InputError(f"{path} must contain a list in brackets")
    return value


def _read(path):
    if not path.is_file():
        raise MissingFileError(f"no {path.name} in {path.parent}: specify the folder of a model")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
