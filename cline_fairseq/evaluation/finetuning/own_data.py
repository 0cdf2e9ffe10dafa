"""Binarized data of the user's own task: made once, next to the runs."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...atomic_io import make_folder
from ...errors import InputError
from ...preprocessing.manifest import describe_tokenizer, file_digest
from ...tokenizer import Tokenizer
from ..glue.binarizing import binarize, manifest_of, output_files
from ..glue.reading import Split
from ..glue.tasks import TextTask
from .own_task import OwnFiles

DATA = "data"


@dataclass(frozen=True)
class OwnJob:
    """How to binarize a task; a job of :func:`~..glue.binarizing.binarize`.

    Attributes:
        dest: folder of the runs, to write the folder ``data`` to.
        files: the files of the task.
        examples: what they hold, keyed by split.
        tokenizer: tokenizer with the dictionary.
        options: plain values that identify all of this, for the manifest.
        allow_unknown: fraction of the tokens that may be pieces which the dictionary lacks.
        overwrite: False, as runs depend on the data.
    """

    dest: Path
    files: OwnFiles
    examples: Mapping[str, Split]
    tokenizer: Tokenizer
    options: dict[str, Any]
    allow_unknown: float
    overwrite: bool = False

    def folder(self, task: TextTask) -> Path:
        """Return the folder to write the task to."""
        return self.dest / DATA

    def splits_of(self, task: TextTask) -> list[str]:
        """List the splits of the task."""
        return self.files.splits

    def labelled_splits(self, task: TextTask) -> list[str]:
        """List the splits that have labels."""
        return [name for name, split in self.examples.items() if split.labels is not None]

    def input_path(self, task: TextTask, split: str) -> Path:
        """Return the path of the file with a split."""
        return self.files.path(split)

    def read(self, task: TextTask, split: str) -> Split:
        """Return the examples of a split."""
        return self.examples[split]


def describe_options(files: OwnFiles, tokenizer: Tokenizer, dictionary: Path) -> dict[str, Any]:
    """Identify by plain values what binarized data depend on beside the files' content."""
    return {
        "tokenizer": describe_tokenizer(tokenizer.config),
        "dictionary": file_digest(dictionary),
        "texts": list(files.texts),
        "label": files.label,
        "regression": files.is_regression,
        "quoting": files.quoting,
        "columns": None if files.columns is None else list(files.columns),
        "skipped": list(files.skipped),
        "encoding": files.encoding,
        "replace_breaks": files.replace_breaks,
        "held_out": dict(files.held_out),
    }


def binarize_own(
    task: TextTask, job: OwnJob, progress: Callable[[int], None]
) -> tuple[dict[str, Any], bool]:
    """Make the folder ``data``, unless it is complete.

    Args:
        task: the task.
        job: how to binarize it.
        progress: called with the number of texts done since the last call.

    Returns:
        as :func:`~..glue.binarizing.binarize`.

    Raises:
        InputError: if the folder exists and was made of other files or with other options, or if
            the files cannot be binarized; then nothing is written.
    """
    _require_same(task, job)
    make_folder(job.dest)
    try:
        return binarize(task, job, progress)
    except BaseException:
        with suppress(OSError):
            job.dest.rmdir()  # only if it is empty
        raise


def _require_same(task, job):
    folder = job.folder(task)
    if not folder.exists():
        return
    inputs = [job.input_path(task, split) for split in job.splits_of(task)]
    try:
        reason = manifest_of(task, job).reason_to_rebuild(inputs, output_files(task, job, folder))
    except InputError:
        reason = "it was made with other options"
    if reason == "new":
        reason = "it was not made by this program"
    if reason is not None:
        raise InputError(
            f"{folder} is not the data of this command ({reason}): pass another --save"
        )
