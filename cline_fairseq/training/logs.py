"""Read the logs of fairseq-train and fairseq-hydra-train with --log-format json."""

import json
import re
from pathlib import Path

from ..errors import InputError, MissingFileError

# A log line of either program: "... | train_inner | {...}" or "[...][train_inner][INFO] - {".
# If there are two on one line, the first is what a killed run had written.
_LINE = re.compile(r".*[ \[](train_inner|valid)[ \]].*?(\{.*\})\s*$")


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """Read the values that a run logged.

    Returns:
        one dictionary per logged line, in two lists: ``train_inner`` and ``valid``.

    Raises:
        MissingFileError: if the file is missing.
        InputError: if it is not a training log, or if a line is damaged; names the line.
    """
    if not path.is_file():
        raise MissingFileError(f"no log {path}: specify a file with the output of fairseq-train")
    found: dict[str, list[dict[str, float]]] = {"train_inner": [], "valid": []}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            kind, values = parse_line(line)
            if kind and "num_updates" in values:
                found[kind].append(values)
            elif kind or _LINE.match(line):
                raise InputError(f"{path}, line {number}: its JSON is damaged: remove the line")
    if not found["train_inner"]:
        raise InputError(f"{path} contains no updates: train with --log-format json")
    return found


def parse_line(line: str) -> tuple[str | None, dict[str, float]]:
    """The kind of a log line and its values; None for lines of other kinds or damaged ones."""
    match = _LINE.match(line)
    if not match:
        return None, {}
    kind, text = match.groups()
    try:
        values = json.loads(text)
    except (RecursionError, ValueError):
        return None, {}
    return kind, {k.removeprefix("valid_"): _number(v) for k, v in values.items()}


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
