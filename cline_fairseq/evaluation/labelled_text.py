"""Labelled texts in TSV, CSV, JSON lines or Parquet, with columns of any names."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import InputError, MissingFileError
from ..row_files import import_pyarrow, is_json_lines, parse_row

QUOTINGS = {"csv": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}
_LONGEST_FIELD = 1 << 30  # characters

Row = tuple[str, dict[str, Any]]  # file and line, for messages; values by column


@dataclass(frozen=True)
class Columns:
    """Names of columns; None if a file has no such column.

    Attributes:
        text: the text, or the first text of a pair.
        label: the label.
        text2: the second text of a pair.
        group: the group to count the example in.
        set_id: the id of the contrast set.
        role: tells an original from its contrasts.
    """

    text: str = "text"
    label: str = "label"
    text2: str | None = None
    group: str | None = None
    set_id: str | None = None
    role: str | None = None


class LabelledExample(NamedTuple):
    """A labelled text, or pair of texts."""

    text: str | tuple[str, str]
    label: str
    where: str  # file and line, for messages
    group: str | None = None
    set_id: str | None = None
    role: str | None = None


def read_examples(
    path: Path,
    columns: Columns,
    labels: Mapping[str, str] | None = None,
    quoting: str = "csv",
) -> list[LabelledExample]:
    """Read labelled texts.

    Args:
        path: a file that :func:`read_rows` reads.
        columns: names of the columns. The column of groups may be missing.
        labels: other names for the labels, which must include all labels in the file (None: keep
            the labels).
        quoting: quoting of fields in a TSV file; see :func:`read_rows`.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if a row or a column is malformed; with file and line.
    """
    return examples_of(read_rows(path, quoting), path, columns, labels)


def examples_of(
    rows: Sequence[Row],
    path: Path,
    columns: Columns,
    labels: Mapping[str, str] | None = None,
    option: str = "--",
) -> list[LabelledExample]:
    """Take the labelled texts from rows.

    Args:
        rows: what :func:`read_rows` returns.
        path: the file that they are from, for messages.
        columns: names of the columns. The column of groups may be missing.
        labels: other names for the labels, as in :func:`read_examples`.
        option: how the options begin that name the columns, for messages.

    Raises:
        InputError: if there are no rows, or a row or a column is malformed.
    """
    if not rows:
        raise InputError(f"{path} contains no examples: expected labelled texts")
    return [_example(where, row, columns, labels, option) for where, row in rows]


def require_labels(
    found: Iterable[tuple[str, str]],
    labels: Sequence[str],
    owner: str,
    advice: str = "specify with --labels which label it stands for",
) -> None:
    """Require that labels are known.

    Args:
        found: where each label was found, e.g. file and line, and the label.
        labels: the labels that are known.
        owner: whose labels these are, e.g. the name of a classifier.
        advice: what to do about other labels, as the end of the error message.

    Raises:
        InputError: at the first label that is not known.
    """
    for where, label in found:
        if label not in labels:
            known = ", ".join(labels) or "none: it predicts numbers"
            raise InputError(
                f"{where}: the label {label!r} is not among the labels of {owner} "
                f"({known}); {advice}"
            )


def read_rows(
    path: Path,
    quoting: str = "csv",
    columns: Sequence[str] | None = None,
    encoding: str = "utf-8",
) -> list[Row]:
    """Read a file of rows: TSV or CSV with a header, JSON lines, or Parquet.

    Args:
        path: JSON lines if its name ends in .jsonl, .ndjson or .json; CSV if it ends in .csv;
            Parquet if it ends in .parquet; otherwise TSV.
        quoting: quoting of fields in a TSV or CSV file: ``csv`` if fields may be enclosed in
            quotation marks; ``none`` if quotation marks are ordinary characters.
        columns: names of the columns of a TSV or CSV file without a header (None: its first line
            is the header).
        encoding: encoding of the text, unless the file is Parquet.

    Returns:
        for each row its file and line, for messages, and its values, keyed by column.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if a row is malformed; with file and line. Also if the file is Parquet and
            pyarrow is missing.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: expected TSV, CSV, JSON lines or Parquet")
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    try:
        if is_json_lines(path):
            return list(_json_rows(path, encoding))
        if path.suffix == ".parquet":
            return list(_parquet_rows(path))
        return list(_separated_rows(path, QUOTINGS[quoting], columns, encoding))
    except UnicodeDecodeError as error:
        raise undecodable(path, error) from error


def undecodable(path: Path, error: UnicodeDecodeError) -> InputError:
    """The error that a file has another encoding."""
    name = "UTF-8" if error.encoding == "utf-8" else error.encoding
    return InputError(f"{path} is not {name} text ({error}): convert it first")


def _separated_rows(path, quoting, columns, encoding) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    dialect, what = ("excel", "comma") if path.suffix == ".csv" else ("excel-tab", "tab")
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, dialect, quoting=quoting, strict=True)
        header, line = columns, 1
        try:
            for row in reader:
                where, line = f"{path}, line {line}", reader.line_num + 1
                if header is None:
                    header = row
                elif row and len(row) != len(header):
                    raise InputError(
                        f"{where}: expected {len(header)} {what}-separated fields "
                        f"({', '.join(header)}), found {len(row)}: fix the line, or specify with "
                        "--quoting whether quotation marks enclose fields"
                    )
                elif row:
                    yield where, dict(zip(header, row, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{path}, line {line}: {error}: fix the line, or specify with --quoting whether "
                "quotation marks enclose fields"
            ) from error


def _parquet_rows(path) -> Iterator[tuple[str, dict[str, Any]]]:
    pyarrow = import_pyarrow(path)
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path}, row {number}", row
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path} is not Parquet, or is damaged ({error})") from error


def _json_rows(path, encoding) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding=encoding) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                where = f"{path}, line {number}"
                yield where, parse_row(line, where)


def _example(where, row, columns, labels, option):
    text = _field(where, row, columns.text, f"{option}text-column")
    if columns.text2 is not None:
        text = (text, _field(where, row, columns.text2, f"{option}text2-column"))
    label = _field(where, row, columns.label, f"{option}label-column").strip()
    if labels is not None:
        if label not in labels:
            raise InputError(
                f"{where}: the label {label!r} is not one of {', '.join(labels)}: specify with "
                "--labels what it stands for"
            )
        label = labels[label]
    group = row.get(columns.group) if columns.group is not None else None
    return LabelledExample(
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
            f"{where}: no {name!r} among {', '.join(map(repr, row))}: specify with {option} which "
            "column it is"
        )
    return _spelled(row[name])


def _spelled(value):
    """A value as text, spelled as in JSON: true, 1."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
