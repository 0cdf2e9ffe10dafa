"""What fairseq-train and fairseq-hydra-train logged with --log-format json."""

import json
import re
from pathlib import Path

from ..errors import InputError, MissingFileError

# A line of a log, of either program: "... | train_inner | {...}" or "[...][train_inner][INFO] - {".
# Of two on one line, the first is what a run that was killed had written.
_LINE = re.compile(r".*[ \[](train_inner|valid)[ \]].*?(\{.*\})\s*$")


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """The values that a run logged, by kind: ``train_inner`` and ``valid``.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no log of training, or damaged; with the line.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no log {path}: give what fairseq-train wrote to its standard output"
        )
    found = {"train_inner": [], "valid": []}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            kind, values = parse_line(line)
            if kind and "num_updates" in values:
                found[kind].append(values)
            elif kind or _LINE.match(line):
                raise InputError(f"{path}, line {number}: its JSON is damaged: remove the line")
    if not found["train_inner"]:
        raise InputError(f"{path} holds no updates: train with --log-format json")
    return found


def parse_line(line: str) -> tuple[str | None, dict[str, float]]:
    """The kind of a line of a log and its values; None for a line of another kind, or damaged."""
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
