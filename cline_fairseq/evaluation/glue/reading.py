"""Reading GLUE's published files: tab-separated columns without quoting.

Quotation marks are ordinary characters, and only a line feed ends a line: the texts contain
quotation marks, and characters that other readers take for the end of a line.
"""

from pathlib import Path
from typing import NamedTuple

from ...errors import InputError, MissingFileError
from ...utf8 import decode_lines
from .tasks import AX, SCORES, GlueTask

_INDEX = ("index", "id")  # names of the first column of test files


class Split(NamedTuple):
    """The examples of a file, in its order."""

    texts: list[tuple[str, ...]]  # one text per example, or a pair
    labels: list[str] | None  # as spelled in the file; None for a test file
    left_out: int  # malformed rows that were skipped


def split_path(task: GlueTask, split: str, glue_dir: Path) -> Path:
    """Return the path of the file with a split; of the diagnostic set, the first that exists."""
    if split == AX:
        paths = [glue_dir / name for name in task.diagnostic]
        return next(filter(Path.is_file, paths), paths[0])
    return glue_dir / task.name / task.files[split]


def missing_files(task: GlueTask, splits: list[str], glue_dir: Path) -> list[Path]:
    """List the files of splits that do not exist."""
    paths = [split_path(task, split, glue_dir) for split in splits]
    return [path for path in paths if not path.is_file()]


def read_split(task: GlueTask, split: str, glue_dir: Path) -> Split:
    """Read the file of a split.

    Args:
        task: one of :data:`~.tasks.GLUE_TASKS`.
        split: train, valid or test; of MNLI also valid1, test1 (the mismatched sets) and ax (the
            diagnostic set).
        glue_dir: folder with a folder for each task.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if columns, fields or labels are not those of the task; with file and line.
    """
    path, is_test = split_path(task, split, glue_dir), not task.has_labels(split)
    if not path.is_file():
        raise MissingFileError(f"no file {path}: download {task.name} of GLUE again")
    lines = decode_lines(path.read_bytes(), path, "GLUE's files are UTF-8, convert it first")
    rows = [line.split("\t") for line in lines]
    if task.columns and not is_test:
        header, first = list(task.columns), 1
    else:
        header, first = (rows.pop(0) if rows else []), 2
    columns = [_column(path, header, name) for name in task.texts]
    label = None if is_test else _column(path, header, task.label)
    texts: list[tuple[str, ...]] = []
    labels: list[str] = []
    left_out = 0
    for number, row in enumerate(rows, first):
        if len(row) != len(header):
            if task.broken_rows and not is_test:
                left_out += 1
                continue
            raise InputError(
                f"{path}, line {number}: expected {len(header)} tab-separated fields "
                f"({', '.join(header)}), found {len(row)}: download {task.name} of GLUE again"
            )
        if is_test:
            _check_index(path, number, header, row, len(texts))
        else:
            assert label is not None
            labels.append(_checked_label(task, path, number, row[label].strip()))
        texts.append(tuple(row[column].strip() for column in columns))
    if not texts:
        raise InputError(f"{path} contains no examples: download {task.name} of GLUE again")
    return Split(texts, None if is_test else labels, left_out)


def _column(path, header, name):
    if name not in header:
        raise InputError(
            f"{path}, line 1: no column {name!r} among {', '.join(map(repr, header))}: use the "
            "file as GLUE publishes it"
        )
    return header.index(name)


def _check_index(path, number, header, row, expected):
    """Require that the file numbers its examples by line, as predictions are numbered."""
    if header[0] in _INDEX and row[0] != str(expected):
        raise InputError(
            f"{path}, line {number}: expected index {expected}, found {row[0]!r}: use the whole "
            "test file in its order"
        )


def _checked_label(task, path, number, label):
    if not task.is_regression:
        if label not in task.labels:
            raise InputError(
                f"{path}, line {number}: the label {label!r} is not one of "
                f"{', '.join(task.labels)}: use the file as GLUE publishes it"
            )
        return label
    try:
        if not SCORES[0] <= float(label) <= SCORES[1]:
            raise ValueError
    except ValueError:
        raise InputError(
            f"{path}, line {number}: the {task.label} {label!r} is not a number from "
            f"{SCORES[0]:g} to {SCORES[1]:g}: use the file as GLUE publishes it"
        ) from None
    return label
