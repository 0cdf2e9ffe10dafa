"""AdvGLUE (Wang et al. 2021, https://arxiv.org/abs/2111.02840): attacked dev sets of GLUE's tasks.

Its files are JSON: for each task a list of examples. dev.json holds what classifiers read, and
dev_ann.json also the text before the attack (in fields that begin with original_), by what method
it was attacked, and how such attacks are made.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError, MissingFileError
from .bootstrap import Share, bootstrap_shares

_ORIGINAL = "original_"


@dataclass(frozen=True)
class AdvGlueTask:
    """A task of AdvGLUE.

    Attributes:
        name: as in its files.
        glue: the task of GLUE, whose classifiers it is for.
        texts: fields of the text, or of the pair.
        labels: of GLUE, for the numbers 0, 1, ... of AdvGLUE.
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
TASKS = {task.name: task for task in _ALL}


class Example(NamedTuple):
    """An attacked text, or pair of texts."""

    attacked: str | tuple[str, str]
    original: str | tuple[str, str] | None  # before the attack, where the file has it
    label: str  # of GLUE
    method: str | None  # of the attack, where the file has it


class Scores(NamedTuple):
    """How a model does on some examples."""

    examples: int
    adversarial: Share  # accuracy on the attacked texts
    with_original: int  # examples that have their original; what follows is of these alone
    original: Share | None
    attacked: Share | None  # accuracy on their attacked texts

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            name: value.as_dict() if isinstance(value, Share) else value
            for name, value in self._asdict().items()
        }


def read_file(path: Path) -> dict[str, list[Example]]:
    """The examples of all tasks of a file.

    Args:
        path: dev.json or dev_ann.json.

    Raises:
        MissingFileError: if it is not there.
        InputError: if it is no such file.
    """
    if not path.is_file():
        raise MissingFileError(f"no file {path}: give dev.json or dev_ann.json of AdvGLUE")
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} is no JSON ({error}): give dev.json or dev_ann.json of AdvGLUE"
        ) from error
    if not isinstance(tasks, dict) or not set(tasks) & set(TASKS):
        raise InputError(
            f"{path} has none of the tasks {', '.join(TASKS)}: give dev.json or dev_ann.json of "
            "AdvGLUE"
        )
    return {
        name: [_example(f"{path}, {name}, example {i}", task, row) for i, row in enumerate(rows)]
        for name, task in TASKS.items()
        if (rows := tasks.get(name))
    }


def _example(where, task, row):
    if not isinstance(row, dict):
        raise InputError(f"{where}: no JSON object: download AdvGLUE again")
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
    return Example(_text(attacked), original, task.labels[label], row.get("method"))


def _text(parts):
    parts = tuple(parts)
    return parts if len(parts) > 1 else parts[0]


def texts_to_predict(examples: Sequence[Example]) -> list[str | tuple[str, str]]:
    """All attacked texts, and then the originals that there are."""
    originals = [example.original for example in examples if example.original is not None]
    return [*(example.attacked for example in examples), *originals]


def score(
    examples: Sequence[Example],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> tuple[Scores, dict[str, Scores]]:
    """Accuracies with intervals over the examples; all together, and by method of attack.

    Args:
        examples: one at least.
        predictions: labels of :func:`texts_to_predict`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
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


def _scores(rows, resamples, seed):
    draws = (resamples, seed)
    all_attacked = np.array([[attacked] for attacked, _ in rows])
    (adversarial,) = bootstrap_shares(all_attacked, np.ones_like(all_attacked), *draws)
    both = np.array([row for row in rows if row[1] is not None], bool).reshape(-1, 2)
    attacked = original = None
    if len(both):
        attacked, original = bootstrap_shares(both, np.ones_like(both), *draws)
    return Scores(len(rows), adversarial, len(both), original, attacked)
