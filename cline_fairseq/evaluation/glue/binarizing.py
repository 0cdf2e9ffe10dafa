"""Turn the files of tasks into the folders that fairseq's sentence_prediction reads.

    TASK/input0/{dict.txt,train.bin,train.idx,valid.bin,...}   the first text
    TASK/input1/...                                            the second text of a pair
    TASK/label/{dict.txt,train.bin,...}                        classes
    TASK/label/{train.label,valid.label}                       numbers, one per line, as in the file

These are byte for byte the files of ``fairseq-preprocess --only-source`` on the same text. MNLI's
mismatched sets are the splits valid1 and test1, and GLUE's diagnostic set is its split ax.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ...atomic_io import make_folder
from ...checkpoint_files import copy_tokenizer
from ...dictionary import (
    ALLOWED_UNKNOWN,
    EOS,
    MADE_UP,
    SPECIAL,
    UNKNOWN,
    require_known,
    write_dictionary,
)
from ...errors import InputError
from ...preprocessing.manifest import Manifest, describe
from ...preprocessing.writers import BinaryOutput
from ...runtime.full_disk import room_for
from ...runtime.interrupts import held
from ...runtime.locking import alone
from ...runtime.parts import part_path, remove_part
from ...tokenizer import Tokenizer
from .reading import Split, missing_files, read_split, split_path
from .tasks import AX, GlueTask, TextTask

MANIFEST = "manifest.json"
_PADDING = 8  # fairseq pads dictionaries to a multiple of it
_CHUNK = 2000  # texts at a time


_Task_contra = TypeVar("_Task_contra", bound=TextTask, contravariant=True)


class BinarizingJob(Protocol[_Task_contra]):
    """How to binarize tasks; :class:`GlueJob` describes the attributes."""

    @property
    def dest(self) -> Path: ...
    @property
    def tokenizer(self) -> Tokenizer: ...
    @property
    def options(self) -> dict[str, Any]: ...
    @property
    def overwrite(self) -> bool: ...
    @property
    def allow_unknown(self) -> float: ...

    def folder(self, task: _Task_contra) -> Path:
        """Return the folder to write a task to."""

    def splits_of(self, task: _Task_contra) -> list[str]:
        """List the splits of a task to make."""

    def labelled_splits(self, task: _Task_contra) -> list[str]:
        """List those among them that have labels."""

    def input_path(self, task: _Task_contra, split: str) -> Path:
        """Return the path of the file with a split."""

    def read(self, task: _Task_contra, split: str) -> Split:
        """Read the file of a split."""


@dataclass(frozen=True)
class GlueJob:
    """How to binarize tasks.

    Attributes:
        glue_dir: folder with a folder of published files for each task.
        dest: folder to write a folder for each task to.
        tokenizer: tokenizer with the dictionary; its files are copied to the folders.
        options: plain values that identify tokenizer and dictionary, for the manifest.
        splits: splits to make, by fairseq's names (None: all, and ax if its file exists).
        overwrite: whether to replace folders that were made with other options.
        allow_unknown: fraction of a task's tokens that may be pieces which the dictionary lacks.
    """

    glue_dir: Path
    dest: Path
    tokenizer: Tokenizer
    options: dict[str, Any]
    splits: tuple[str, ...] | None = None
    overwrite: bool = False
    allow_unknown: float = ALLOWED_UNKNOWN

    def splits_of(self, task: GlueTask) -> list[str]:
        """List the splits of a task to make."""
        splits = [s for s in task.files if self.splits is None or s in self.splits]
        if not task.diagnostic:
            return splits
        wanted = self.splits is None and self.input_path(task, AX).is_file()
        return [*splits, *([AX] if wanted or AX in (self.splits or ()) else [])]

    def folder(self, task: GlueTask) -> Path:
        """Return the folder to write a task to."""
        return self.dest / task.name

    def labelled_splits(self, task: GlueTask) -> list[str]:
        """List the splits that have labels, which test files lack."""
        return list(filter(task.has_labels, self.splits_of(task)))

    def input_path(self, task: GlueTask, split: str) -> Path:
        """Return the path of the published file with a split."""
        return split_path(task, split, self.glue_dir)

    def read(self, task: GlueTask, split: str) -> Split:
        """Read the published file of a split."""
        return read_split(task, split, self.glue_dir)

    def missing_files(self, task: GlueTask) -> list[Path]:
        """List the published files of a task that do not exist."""
        return missing_files(task, self.splits_of(task), self.glue_dir)


_Task = TypeVar("_Task", bound=TextTask)


def binarize(
    task: _Task,
    job: BinarizingJob[_Task],
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[dict[str, Any], bool]:
    """Make the folder of a task, complete or not at all.

    Args:
        task: the task.
        job: how to binarize it.
        progress: called with the number of texts done since the last call.

    Returns:
        counts of examples, tokens, unknown tokens (in all, and pieces that the dictionary lacks)
        and skipped rows, keyed by split; and whether the folder was made, as opposed to being
        complete already.

    Raises:
        InputError: if the files cannot be binarized as the job says. An existing folder is kept.
    """
    if "train" not in job.splits_of(task):
        raise InputError("the dictionary of labels is made from train: add it to the splits")
    make_folder(job.dest)
    with room_for(job.folder(task)), alone(job.folder(task)):
        return _binarize_alone(task, job, progress)


def _binarize_alone(task, job, progress):
    folder, splits = job.folder(task), job.splits_of(task)
    inputs = [job.input_path(task, split) for split in splits]
    if folder.exists() and not job.overwrite:
        manifest = manifest_of(task, job)
        outputs = output_files(task, job, folder)
        if manifest.reason_to_rebuild(inputs, outputs) is None:
            return manifest.counts, False
    raw = {split: job.read(task, split) for split in splits}
    part = part_path(folder)
    try:
        part.mkdir()
        counts = {split: {"examples": len(raw[split].texts)} for split in splits}
        for split in splits:
            counts[split] |= _write_texts(task, split, raw[split], part, job, progress)
            counts[split]["left_out"] = raw[split].left_out
        missing, tokens = (
            sum(count[name] for count in counts.values()) for name in ("missing", "tokens")
        )
        require_known(missing, tokens, job.allow_unknown, task.name)
        _write_labels(task, raw, part)
        copy_tokenizer(part, job.tokenizer.config)
        outputs = [describe(path) for path in output_files(task, job, part)]
        manifest = Manifest(part / MANIFEST, manifest_of(task, job).options)
        manifest.finish([describe(path) for path in inputs], outputs, counts)
        _replace(part, folder)
    finally:
        remove_part(part)
    return counts, True


def manifest_of(task: _Task, job: BinarizingJob[_Task]) -> Manifest:
    """Return the manifest in the folder of a task, made or not."""
    options = {"task": task.name, **job.options, "splits": job.splits_of(task)}
    return Manifest(job.folder(task) / MANIFEST, options)


def label_counts(labels: list[str]) -> list[tuple[str, int]]:
    """Build the dictionary of labels as fairseq-preprocess does, the most frequent first.

    Returns:
        symbols and their counts, padded with symbols that fairseq makes up.
    """
    counts = Counter(dict(sorted(Counter(labels).items()))).most_common()
    fill = -(len(SPECIAL) + len(counts)) % _PADDING
    return counts + [(f"{MADE_UP}{i:04d}", 0) for i in range(fill)]


def _write_texts(task, split, raw: Split, part, job, progress):
    tokens = unknown = missing = 0
    for i in range(len(task.texts)):
        folder = part / f"input{i}"
        with BinaryOutput(folder / split, len(job.tokenizer.dictionary)) as output:
            for start in range(0, len(raw.texts), _CHUNK):
                lines = [texts[i] for texts in raw.texts[start : start + _CHUNK]]
                data, sizes, lacking = job.tokenizer.index(lines)
                output.write(data, sizes)
                tokens += len(data)
                unknown += int((data == UNKNOWN).sum())
                missing += int(lacking.sum())
                progress(len(lines))
            output.commit()
        job.tokenizer.dictionary.save(folder / "dict.txt")
    return {"tokens": tokens, "unknown": unknown, "missing": missing}


def _write_labels(task, raw, part):
    labels = {split: raw[split].labels for split in raw if raw[split].labels is not None}
    folder = part / "label"
    folder.mkdir()
    if task.is_regression:
        for split, values in labels.items():
            (folder / f"{split}.label").write_text("\n".join(values) + "\n", encoding="utf-8")
        return
    counts = label_counts(labels["train"])
    absent = [label for label in task.labels if label not in dict(counts)]
    if absent:
        raise InputError(
            f"the training examples of {task.name} have no label {', '.join(absent)}, so no "
            "classifier can learn it: use the whole file"
        )
    write_dictionary(folder / "dict.txt", counts)
    index = {symbol: len(SPECIAL) + i for i, (symbol, _) in enumerate(counts)}
    for split, values in labels.items():
        tokens = np.full((len(values), 2), EOS)
        tokens[:, 0] = [index[value] for value in values]
        with BinaryOutput(folder / split, len(SPECIAL) + len(counts)) as output:
            output.write(tokens.ravel(), np.full(len(values), 2))
            output.commit()


def output_files(task: _Task, job: BinarizingJob[_Task], folder: Path) -> list[Path]:
    """List all files of a task except the manifest.

    Args:
        task: the task.
        job: how to binarize it.
        folder: folder of the files.
    """
    splits, labelled = job.splits_of(task), job.labelled_splits(task)
    texts = [folder / f"input{i}" for i in range(len(task.texts))]
    labels = folder / "label"
    files = [text / "dict.txt" for text in texts]
    files += [text / f"{s}.{end}" for text in texts for s in splits for end in ("bin", "idx")]
    if task.is_regression:
        return files + [labels / f"{s}.label" for s in labelled]
    files += [labels / f"{s}.{end}" for s in labelled for end in ("bin", "idx")]
    return [*files, labels / "dict.txt"]


def _replace(part, folder):
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    with held():
        if folder.exists():
            os.replace(folder, old)
        os.replace(part, folder)
    shutil.rmtree(old, ignore_errors=True)
