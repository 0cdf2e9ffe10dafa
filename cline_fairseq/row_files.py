"""What all readers of rows share: JSON lines, and Parquet or Arrow through pyarrow."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import InputError

_JSON_LINES = (".jsonl", ".json", ".ndjson")


def is_json_lines(path: Path) -> bool:
    """Whether a file holds JSON lines, according to the suffix of its name."""
    return path.suffix in _JSON_LINES


def parse_row(line: str, where: str) -> dict[str, Any]:
    """Parse a line of JSON.

    Args:
        line: the line.
        where: file and line, for messages.

    Raises:
        InputError: if it is not a JSON object.
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}): expected one object per line") from error
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object: expected one per line")
    return row


def import_pyarrow(path: Path) -> ModuleType:
    """Import pyarrow with its readers of files.

    Args:
        path: the file that needs it, for messages.

    Raises:
        InputError: if it is missing.
    """
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{path}: {'Arrow' if path.suffix == '.arrow' else 'Parquet'} needs pyarrow; install "
            "it with: pip install 'cline-fairseq[parquet]'"
        ) from None
    return pyarrow
