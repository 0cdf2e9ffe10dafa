"""Tasks in the user's own files: their columns, labels and examples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...dictionary import is_special
from ...errors import InputError
from ..glue.reading import Split
from ..glue.tasks import TextTask
from ..labelled_text import read_rows
from ..published_sets import without_line_breaks
from ..text_folders import read_text_folder

SPLITS = ("train", "valid", "test")
CLASS_METRICS, NUMBER_METRICS = ("accuracy", "macro_f1"), ("pearson", "spearman")
_SEED = 1  # of the examples that are held out, so that all runs have the same


@dataclass(frozen=True)
class OwnFiles:
    """Files of a task, in any format of :func:`~..labelled_text.read_rows`, or folders of texts
    (:func:`~..text_folders.read_text_folder`).

    Attributes:
        paths: files, keyed by split: train, valid, and perhaps test.
        texts: columns with one text, or with both texts of a pair.
        label: column with the label, which test may lack.
        is_regression: whether labels are numbers.
        quoting: quoting of fields in TSV and CSV files.
        columns: names of the columns in TSV and CSV files without a header.
        skipped: labels whose rows are left out.
        encoding: encoding of text.
        replace_breaks: whether HTML's line breaks become spaces.
        held_out: fractions of the training examples to draw for other splits, keyed by split.
    """

    paths: Mapping[str, Path]
    texts: tuple[str, ...]
    label: str = "label"
    is_regression: bool = False
    quoting: str = "csv"
    columns: tuple[str, ...] | None = None
    skipped: tuple[str, ...] = ()
    encoding: str = "utf-8"
    replace_breaks: bool = False
    held_out: Mapping[str, float] = field(default_factory=dict)

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return [name for name in SPLITS if name in self.paths or name in self.held_out]

    def path(self, split: str) -> Path:
        """Return the file with a split."""
        return self.paths["train"] if split in self.held_out else self.paths[split]


def read_task(name: str, files: OwnFiles) -> tuple[TextTask, dict[str, Split]]:
    """Read all files of a task. Its labels are those of the training examples.

    Args:
        name: what to call the task.
        files: where its examples are.

    Returns:
        the task, and its examples, keyed by split.

    Raises:
        MissingFileError: if a file does not exist.
        InputError: if a file has no examples, lacks a column, or has a label that no training
            example has; with file and line.
    """
    known: tuple[str, ...] = ()
    splits: dict[str, Split] = {}
    for split, path in files.paths.items():
        splits[split] = _read_split(split, path, files, known)
        if split == "train":
            splits |= _hold_out(splits["train"], files)
        labels = splits[split].labels
        if split == "train" and labels is not None and not files.is_regression:
            known = tuple(sorted(set(labels)))
            if len(known) < 2:
                raise InputError(
                    f"{path}: all labels are {known[0]!r}: expected at least two labels in column "
                    f"{files.label!r}"
                )
    metrics = NUMBER_METRICS if files.is_regression else CLASS_METRICS
    for split in files.held_out:
        _require_learned(splits[split].labels, files, known)
    return TextTask(name, files.texts, files.label, known, metrics), splits


def _hold_out(train: Split, files: OwnFiles) -> dict[str, Split]:
    """Draw examples of other splits from the training examples, the same each time."""
    assert train.labels is not None
    order = np.random.default_rng(_SEED).permutation(len(train.texts)).tolist()
    parts, start = {}, 0
    for split, fraction in files.held_out.items():
        count = round(fraction * len(order))
        if not count:
            raise InputError(
                f"{files.paths['train']} has {len(order):,} examples, too few to hold out "
                f"{fraction:g} of them for {split}: hold out more, or use a file"
            )
        parts[split] = sorted(order[start : start + count])
        start += count
    parts["train"] = sorted(order[start:])
    return {
        split: Split(
            [train.texts[i] for i in indices],
            [train.labels[i] for i in indices],
            train.left_out if split == "train" else 0,
        )
        for split, indices in parts.items()
    }


def _require_learned(labels, files, known):
    """Require that all labels of examples that were held out are left in the training examples."""
    if rare := sorted(set(labels) - set(known)) if known else []:
        raise InputError(
            f"{files.paths['train']}: all examples with the label {rare[0]!r} were held out: leave "
            "them out with --skip-label, or use another --hold-out"
        )


def _read_split(split, path, files: OwnFiles, known: Sequence[str]) -> Split:
    rows = (
        read_text_folder(path, files.encoding)
        if path.is_dir()
        else read_rows(path, files.quoting, files.columns, files.encoding)
    )
    if files.replace_breaks:
        rows = without_line_breaks(rows)
    if not rows:
        raise InputError(f"{path} contains no examples: expected rows of texts and labels")
    is_labelled = split != "test" or rows[0][1].get(files.label) is not None
    texts: list[tuple[str, ...]] = []
    labels: list[str] = []
    options = ("--text-column", "--text2-column")
    for where, row in rows:
        if is_labelled:
            label = _value(where, row, files.label, "--label-column").strip()
            if label in files.skipped:
                continue
            _require_label(where, label, files, known)
            labels.append(label)
        pair = zip(files.texts, options, strict=False)
        texts.append(tuple(_as_line(_value(where, row, *names)) for names in pair))
    if not texts:
        raise InputError(f"{path} contains only rows that --skip-label leaves out")
    return Split(texts, labels if is_labelled else None, len(rows) - len(texts))


def _value(where: str, row: Mapping[str, Any], name: str, option: str) -> str:
    if name not in row:
        raise InputError(
            f"{where}: no column {name!r} among {', '.join(map(repr, row))}: specify with {option} "
            "which column it is"
        )
    value = row[name]
    if isinstance(value, bool):
        return str(value).lower()  # as in JSON
    if not isinstance(value, str | int | float):
        raise InputError(
            f"{where}: {name!r} is {'empty' if value is None else 'neither text nor a number'}: "
            "fix the row, or leave it out"
        )
    return str(value)


def _as_line(text):
    """A text as programs for evaluation read it, in one line."""
    return text.replace("\r\n", " ").replace("\n", " ").strip()


def _require_label(where, label, files: OwnFiles, known):
    if files.is_regression:
        try:
            is_number = math.isfinite(float(label))
        except ValueError:
            is_number = False
        if not is_number:
            raise InputError(
                f"{where}: the label {label!r} is not a number, as --regression expects: fix the "
                "row, or fine-tune on classes without --regression"
            )
    elif not label or not label.isprintable() or is_special(label):
        raise InputError(
            f"{where}: the label {label!r} cannot name a class: expected one line of text"
        )
    elif known and label not in known:
        listed = ", ".join(known[:10]) + (", ..." if len(known) > 10 else "")
        raise InputError(
            f"{where}: the label {label!r} is not among the labels of the training examples "
            f"({listed}): fix the row, leave such rows out with --skip-label, or pass --regression "
            "for numbers"
        )
