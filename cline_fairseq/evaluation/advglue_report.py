"""Results on AdvGLUE: a table in Markdown, and plain values for JSON."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..runtime.markdown import markdown_table
from .advglue import ADVGLUE_TASKS, AdvGlueScores
from .truncation import truncation_sentence

_HEADER = (
    *("task", "model", "adversarial", "examples"),
    *("clean, where given", "the same, adversarial", "examples"),
)


class AdvGlueReport(NamedTuple):
    """The results of a classifier on a task.

    Attributes:
        model: name of the model, of which each task has its own classifier.
        task: name of the task.
        checkpoint: path of the classifier.
        scores: on all examples.
        methods: on the examples of each method of attack, keyed by method.
        truncation: what :func:`~.truncation.count_truncated` returns.
    """

    model: str
    task: str
    checkpoint: str
    scores: AdvGlueScores
    methods: dict[str, AdvGlueScores]
    truncation: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "model": self.model,
            "task": self.task,
            "checkpoint": self.checkpoint,
            "scores": self.scores.as_dict(),
            "methods": {name: scores.as_dict() for name, scores in self.methods.items()},
            **self.truncation,
        }


# Keyed by model and task; None where a model has no classifier for a task.
AdvGlueReports = Mapping[tuple[str, str], AdvGlueReport | None]


def advglue_table(reports: AdvGlueReports) -> str:
    """Compare models task by task in a Markdown table.

    Args:
        reports: keyed by model and task; None where a model has no classifier for a task.
    """
    rows = [
        _row(model, task, report)
        for task in ADVGLUE_TASKS
        for (model, name), report in reports.items()
        if name == task
    ]
    sentences = [
        truncation_sentence(f"{report.model}, {report.task}", report.truncation)
        for report in reports.values()
        if report is not None
    ]
    sentences = [f"{sentence}\n" for sentence in sentences if sentence]
    return "\n".join([markdown_table(_HEADER, rows), *sentences])


def _row(model, task, report):
    if report is None:
        return [task, model, "missing", None, None, None, None]
    scores = report.scores
    return [
        *(task, model, scores.adversarial, scores.examples),
        *(scores.original, scores.attacked, scores.with_original),
    ]


def advglue_values(reports: AdvGlueReports) -> list[dict[str, Any]]:
    """The reports as plain values.

    Args:
        reports: as those of :func:`advglue_table`; ``scores`` is None where there is no classifier.
    """
    return [
        {"model": model, "task": task, "scores": None} if report is None else report.as_dict()
        for (model, task), report in reports.items()
    ]
