"""What fairseq-train and fairseq-hydra-train logged with --log-format json."""

import json
import re
from pathlib import Path

from ..errors import InputError, MissingFileError

# A line of a log, of either program: "... | train_inner | {...}" or "[...][train_inner][INFO] - {".
_LINE = re.compile(r"[ \[](train_inner|valid)[ \]].*?(\{.*\})\s*$")


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """The values that a run logged, by kind: ``train_inner`` and ``valid``.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no log of training.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no log {path}: give what fairseq-train wrote to its standard output"
        )
    found = {"train_inner": [], "valid": []}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            kind, values = parse_line(line)
            if kind:
                found[kind].append(values)
    if not found["train_inner"]:
        raise InputError(f"{path} holds no updates: train with --log-format json")
    return found


def parse_line(line: str) -> tuple[str | None, dict[str, float]]:
    """The kind of a line of a log and its values; None for a line of another kind."""
    match = _LINE.search(line)
    if not match:
        return None, {}
    kind, text = match.groups()
    return kind, {k.removeprefix("valid_"): _number(v) for k, v in json.loads(text).items()}


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
