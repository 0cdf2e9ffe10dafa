"""AdvGLUE (Wang et al. 2021, https://arxiv.org/abs/2111.02840): attacked dev sets of GLUE's tasks.

Its files are JSON, with a list of examples for each task. dev.json holds the attacked texts;
dev_ann.json also holds the texts before the attack (in fields that begin with original_) and the
method of the attack.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, MissingFileError
from .bootstrap import Share, bootstrap_shares
from .labelled_text import require_labels

_ORIGINAL = "original_"


@dataclass(frozen=True)
class AdvGlueTask:
    """A task of AdvGLUE.

    Attributes:
        name: its name in AdvGLUE's files.
        glue: the GLUE task that it was made from, whose classifiers it evaluates.
        texts: fields with the text, or with both texts of a pair.
        labels: GLUE's labels for AdvGLUE's numbers 0, 1, ...
    """

    name: str
    glue: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]


_BINARY = ("0", "1")
_NLI = ("entailment", "neutral", "contradiction")
_ENTAILMENT = ("entailment", "not_entailment")
_ALL = (
    AdvGlueTask("sst2", "SST-2", ("sentence",), _BINARY),
    AdvGlueTask("qqp", "QQP", ("question1", "question2"), _BINARY),
    AdvGlueTask("mnli", "MNLI", ("premise", "hypothesis"), _NLI),
    AdvGlueTask("mnli-mm", "MNLI", ("premise", "hypothesis"), _NLI),
    AdvGlueTask("qnli", "QNLI", ("question", "sentence"), _ENTAILMENT),
    AdvGlueTask("rte", "RTE", ("sentence1", "sentence2"), _ENTAILMENT),
)
ADVGLUE_TASKS = {task.name: task for task in _ALL}


class AdvGlueExample(NamedTuple):
    """An attacked text, or pair of texts."""

    attacked: str | tuple[str, str]
    original: str | tuple[str, str] | None  # before the attack; None if the file does not have it
    label: str  # GLUE's
    method: str | None  # of attack; None if the file does not say


class AdvGlueScores(NamedTuple):
    """Accuracy of a model on examples.

    Attributes:
        examples: number of examples.
        adversarial: accuracy on the attacked texts.
        with_original: number of examples whose original text is known.
        original: accuracy on the original texts; None if none is known.
        attacked: accuracy on the attacked versions of these texts alone.
    """

    examples: int
    adversarial: Share
    with_original: int
    original: Share | None
    attacked: Share | None

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain values."""
        return {
            name: value.as_dict() if isinstance(value, Share) else value
            for name, value in self._asdict().items()
        }


def read_file(path: Path) -> dict[str, list[AdvGlueExample]]:
    """Read the examples of all tasks in a file.

    Args:
        path: dev.json or dev_ann.json.

    Returns:
        examples, keyed by task.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not a file of AdvGLUE.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: pass dev.json or dev_ann.json of AdvGLUE")
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is not JSON ({error}): pass dev.json or dev_ann.json of AdvGLUE"
        ) from error
    if not isinstance(tasks, dict) or not set(tasks) & set(ADVGLUE_TASKS):
        raise InputError(
            f"{path} has none of the tasks {', '.join(ADVGLUE_TASKS)}: pass dev.json or "
            "dev_ann.json of AdvGLUE"
        )
    return {
        name: [_example(f"{path}, {name}, example {i}", task, row) for i, row in enumerate(rows)]
        for name, task in ADVGLUE_TASKS.items()
        if (rows := tasks.get(name))
    }


def _example(where, task, row):
    if not isinstance(row, dict):
        raise InputError(f"{where}: not a JSON object: download AdvGLUE again")
    for field in task.texts:
        if not isinstance(row.get(field), str):
            raise InputError(f"{where}: no text {field!r}: download AdvGLUE again")
    label = row.get("label")
    if type(label) is not int or not 0 <= label < len(task.labels):
        raise InputError(
            f"{where}: expected a label from 0 to {len(task.labels) - 1}, found {label!r}: "
            "download AdvGLUE again"
        )
    before = [row.get(_ORIGINAL + field) for field in task.texts]
    attacked = [row[field] for field in task.texts]
    original = None
    if any(text is not None for text in before):
        original = _text(
            new if old is None else old for old, new in zip(before, attacked, strict=True)
        )
    return AdvGlueExample(_text(attacked), original, task.labels[label], row.get("method"))


def _text(parts):
    parts = tuple(parts)
    return parts if len(parts) > 1 else parts[0]


def texts_to_predict(examples: Sequence[AdvGlueExample]) -> list[str | tuple[str, str]]:
    """List all attacked texts, followed by the originals that are known."""
    originals = [example.original for example in examples if example.original is not None]
    return [*(example.attacked for example in examples), *originals]


def score_advglue(
    examples: Sequence[AdvGlueExample],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> tuple[AdvGlueScores, dict[str, AdvGlueScores]]:
    """Score predictions, with bootstrap intervals over the examples.

    Args:
        examples: at least one.
        predictions: predicted labels of :func:`texts_to_predict`.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.

    Returns:
        the scores on all examples, and those of each method of attack, keyed by method.
    """
    originals = iter(predictions[len(examples) :])
    rows = []
    for example, attacked in zip(examples, predictions, strict=False):
        original = None if example.original is None else next(originals) == example.label
        rows.append((attacked == example.label, original))
    methods: dict[str, list] = {}
    for example, row in zip(examples, rows, strict=True):
        methods.setdefault(example.method or "", []).append(row)
    methods.pop("", None)
    by_method = {name: _scores(methods[name], resamples, seed) for name in sorted(methods)}
    return _scores(rows, resamples, seed), by_method


def require_task_labels(task: AdvGlueTask, labels: Sequence[str], classifier: str) -> None:
    """Require that a classifier has the labels of a task, and no others.

    Args:
        task: one of :data:`ADVGLUE_TASKS`.
        labels: labels of the classifier.
        classifier: what to call it in the message.

    Raises:
        InputError: at the first label that only one of them has.
    """
    name = f"AdvGLUE's {task.name}"
    advice = f"use a classifier for {task.glue}"
    require_labels([(name, label) for label in task.labels], labels, classifier, advice)
    require_labels([(classifier, label) for label in labels], task.labels, name, advice)


def _scores(rows, resamples, seed):
    draws = (resamples, seed)
    all_attacked = np.array([[attacked] for attacked, _ in rows])
    (adversarial,) = bootstrap_shares(all_attacked, np.ones_like(all_attacked), *draws)
    both = np.array([row for row in rows if row[1] is not None], bool).reshape(-1, 2)
    attacked = original = None
    if len(both):
        attacked, original = bootstrap_shares(both, np.ones_like(both), *draws)
    return AdvGlueScores(len(rows), adversarial, len(both), original, attacked)
