"""Contrast sets whose original and contrast are columns of the same row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from .contrast import ContrastSet
from .labelled_text import Columns, Row, examples_of


class WideColumns(NamedTuple):
    """Columns of the original and of the contrast; they may share some."""

    original: Columns
    contrast: Columns


def wide_sets(
    rows: Sequence[Row],
    path: Path,
    columns: WideColumns,
    labels: Mapping[str, str] | None = None,
) -> list[ContrastSet]:
    """Make sets from rows with an original and a contrast each.

    Args:
        rows: what :func:`~.labelled_text.read_rows` returns.
        path: the file that they are from, for messages.
        columns: names of the columns. If there is one with the id of the set, rows with the same id
            are contrasts of one original; otherwise, each row is a set.
        labels: other names for the labels, as in :func:`~.labelled_text.read_examples`.

    Returns:
        sets, in the order in which they begin.

    Raises:
        InputError: if a row or a column is malformed, or if rows with the same id have different
            originals.
    """
    originals = examples_of(rows, path, columns.original, labels, "--original-")
    contrasts = examples_of(rows, path, columns.contrast, labels, "--contrast-")
    found: dict[str, ContrastSet] = {}
    for number, (original, contrast) in enumerate(zip(originals, contrasts, strict=True), 1):
        set_id = str(number) if original.set_id is None else original.set_id
        one = found.setdefault(set_id, ContrastSet(set_id, original.group, original, []))
        if (one.original.text, one.original.label) != (original.text, original.label):
            raise InputError(
                f"{original.where}: the pair {set_id!r} has another original than in "
                f"{one.original.where}: give each original an id of its own"
            )
        one.contrasts.append(contrast)
    return list(found.values())


def without_label(
    rows: Sequence[Row], columns: WideColumns, label: str
) -> tuple[list[Row], list[Row]]:
    """Separate the rows whose original or contrast has a label.

    Args:
        rows: what :func:`~.labelled_text.read_rows` returns.
        columns: names of the columns with labels.
        label: the label, e.g. ``unk`` for examples that have none.

    Returns:
        the rows without the label, and those with it.
    """
    parts: tuple[list[Row], list[Row]] = [], []
    for where, row in rows:
        is_found = label in (row.get(columns.original.label), row.get(columns.contrast.label))
        parts[is_found].append((where, row))
    return parts
