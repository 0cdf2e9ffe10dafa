"""Labelled texts in TSV or JSON lines, with columns of any names."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError, MissingFileError

QUOTINGS = {"csv": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}
_JSON_LINES = (".jsonl", ".json", ".ndjson")
_LONGEST = 1 << 30  # of a field


@dataclass(frozen=True)
class Columns:
    """Names of columns.

    Attributes:
        text: of the text, or of the first one of a pair.
        label: of the label.
        text2: of the second text of a pair, if there are pairs.
        group: of what to count by, if anything.
        set_id: of what the examples of a contrast set have in common, if anything.
        role: of what tells an original from its contrasts, if anything.
    """

    text: str = "text"
    label: str = "label"
    text2: str | None = None
    group: str | None = None
    set_id: str | None = None
    role: str | None = None


class Example(NamedTuple):
    """A labelled text, or pair of texts."""

    text: str | tuple[str, str]
    label: str
    where: str  # file and line, for messages
    group: str | None = None
    set_id: str | None = None
    role: str | None = None


def read_examples(
    path: Path, columns: Columns, labels: dict[str, str] | None = None, quoting: str = "csv"
) -> list[Example]:
    """Read a file whose first line names its columns, or of JSON objects with such names.

    Args:
        path: as :func:`read_rows` reads it.
        columns: their names. The column of groups may be missing.
        labels: other names for the labels; all of the file must be among them.
        quoting: the same.

    Raises:
        MissingFileError: if the file is not there.
        InputError: if a row or a column is not as it should be; with file and line.
    """
    rows = read_rows(path, quoting)
    if not rows:
        raise InputError(f"{path} holds no examples: give a file with labelled texts")
    return [_example(where, row, columns, labels) for where, row in rows]


def is_json_lines(path: Path) -> bool:
    """Whether a file is taken for JSON lines, by the ending of its name."""
    return path.suffix in _JSON_LINES


def read_rows(path: Path, quoting: str = "csv") -> list[tuple[str, dict[str, Any]]]:
    """Read a file whose first line names its columns, or of JSON objects.

    Args:
        path: JSON lines if its name ends in .jsonl, .ndjson or .json; else tabs between columns.
        quoting: of tabs between columns: csv, for fields in quotation marks where they hold some;
            or none, where a quotation mark is a character like any other.

    Returns:
        for each row its file and line, for messages, and its values by column.

    Raises:
        MissingFileError: if the file is not there.
        InputError: if a row is not as it should be; with file and line.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: give a TSV file, or JSON lines")
    try:
        rows = _json_rows(path) if is_json_lines(path) else _tsv_rows(path, QUOTINGS[quoting])
        return list(rows)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error}): convert it first") from error


def _tsv_rows(path, quoting) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(_LONGEST)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, "excel-tab", quoting=quoting, strict=True)
        header, line = None, 1
        try:
            for row in reader:
                where, line = f"{path}, line {line}", reader.line_num + 1
                if header is None:
                    header = row
                elif row and len(row) != len(header):
                    raise InputError(
                        f"{where}: expected {len(header)} fields with tabs between "
                        f"({', '.join(header)}), found {len(row)}: mend it, or say with --quoting "
                        "whether quotation marks enclose fields"
                    )
                elif row:
                    yield where, dict(zip(header, row, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: {error}: mend it, or say with --quoting whether quotation "
                "marks enclose fields"
            ) from error


def _json_rows(path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(
                    f"{where}: no JSON ({error}): give one object on each line"
                ) from error
            if not isinstance(row, dict):
                raise InputError(f"{where}: no JSON object: give one on each line")
            yield where, row


def _example(where, row, columns, labels):
    text = _field(where, row, columns.text, "--text-column")
    if columns.text2 is not None:
        text = (text, _field(where, row, columns.text2, "--text2-column"))
    label = _field(where, row, columns.label, "--label-column").strip()
    if labels is not None:
        if label not in labels:
            raise InputError(
                f"{where}: the label {label!r} is none of {', '.join(labels)}: say with --labels "
                "what it stands for"
            )
        label = labels[label]
    group = row.get(columns.group) if columns.group is not None else None
    return Example(
        text,
        label,
        where,
        None if group is None else _spelled(group),
        None if columns.set_id is None else _field(where, row, columns.set_id, "--pair-column"),
        None if columns.role is None else _field(where, row, columns.role, "--role-column"),
    )


def _field(where, row, name, option):
    if row.get(name) is None:
        raise InputError(
            f"{where}: no {name!r} among {', '.join(map(repr, row))}: say with {option} which "
            "column it is"
        )
    return _spelled(row[name])


def _spelled(value):
    """A value of JSON as text: true and 1 as they stand there."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
