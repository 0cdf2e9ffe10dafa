"""Tables of results over several tasks, seeds and checkpoints."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, MissingFileError
from ...runtime.markdown import markdown_table
from .results import RESULT, read_result
from .tasks import GLUE_TASKS

LEFT_OUT = "WNLI"  # not in the average, as in the papers on BERT and RoBERTa
_SETS = {"valid": "", "valid1": "-mm"}  # suffixes for the name of a task with two dev sets


class Row(NamedTuple):
    """A metric of a task over the seeds, in percent.

    Attributes:
        task: name of the task.
        name: name of the row; MNLI's two dev sets are MNLI-m and MNLI-mm.
        metric: name of the metric.
        values: value for each seed that has one.
        missing: seeds without a value.
        undefined: seeds among these that have a run whose metric is undefined.
    """

    task: str
    name: str
    metric: str
    values: list[float]
    missing: list[int]
    undefined: list[int]

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation; None for fewer than two seeds."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


class Report(NamedTuple):
    """The results of a checkpoint.

    Attributes:
        name: name of the checkpoint.
        rows: rows of all tasks, in GLUE's order.
        checkpoints: number of different checkpoints that the runs started from.
    """

    name: str
    rows: list[Row]
    checkpoints: int

    def task_score(self, task: str, what: str = "median") -> float | None:
        """Average the metrics of a task, and MNLI's two sets; None if a value is missing.

        Args:
            task: name of the task.
            what: median or mean over the seeds.
        """
        rows = [row for row in self.rows if row.task == task]
        if any(row.missing or not row.values for row in rows):
            return None
        return statistics.fmean(getattr(row, what) for row in rows)

    def average(self, what: str = "median") -> float | None:
        """Average the eight tasks other than WNLI; None if a value is missing."""
        scores = [self.task_score(task, what) for task in GLUE_TASKS if task != LEFT_OUT]
        known = [score for score in scores if score is not None]
        return statistics.fmean(known) if len(known) == len(scores) else None

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        rows = [
            {
                "task": row.task,
                "name": row.name,
                "metric": row.metric,
                "median": row.median,
                "mean": row.mean,
                "std": row.std,
                "seeds": len(row.values),
                "missing_seeds": row.missing,
                "undefined_seeds": row.undefined,
            }
            for row in self.rows
        ]
        return {
            "name": self.name,
            "rows": rows,
            "task_scores": {task: self.task_score(task) for task in GLUE_TASKS},
            "average_of_medians": self.average("median"),
            "average_of_means": self.average("mean"),
        }


def read_runs(folder: Path) -> tuple[dict[tuple[str, int], dict], set[int]]:
    """Read all runs below a folder.

    Returns:
        results of finished runs, keyed by task and seed; and the seeds of all runs, finished or
        not.

    Raises:
        MissingFileError: if the folder has no runs.
        InputError: if it has two runs of a task with the same seed.
    """
    runs: dict[tuple[str, int], dict] = {}
    seeds: set[int] = set()
    for path in sorted(folder.rglob("seed*")):
        number = path.name.removeprefix("seed")
        if not path.is_dir() or not number.isdecimal():
            continue
        seeds.add(int(number))
        if not (path / RESULT).is_file():
            continue
        result = read_result(path / RESULT)
        key = result["task"], result["seed"]
        if key in runs:
            raise InputError(
                f"{folder} holds {key[0]} with seed {key[1]} twice, {path} is one: use folders "
                "with one run of each"
            )
        runs[key] = {**result, "folder": str(path)}
    if not seeds:
        raise MissingFileError(
            f"no runs in {folder}: give a folder that cline-fairseq glue-finetune wrote to, or one "
            "above it"
        )
    return runs, seeds


def make_report(name: str, runs: dict[tuple[str, int], dict], seeds: Sequence[int]) -> Report:
    """Summarize the runs of a checkpoint.

    Args:
        name: what to call the checkpoint.
        runs: what :func:`read_runs` returns.
        seeds: seeds that each task should have.
    """
    rows = []
    for task in GLUE_TASKS.values():
        for split in task.valid_splits:
            for metric in task.metrics:
                values, missing, undefined = [], [], []
                for seed in seeds:
                    metrics = runs.get((task.name, seed), {"metrics": {}})["metrics"]
                    value = metrics.get(split, {}).get(metric)
                    if value is not None:
                        values.append(100 * value)
                        continue
                    missing.append(seed)
                    if split in metrics:
                        undefined.append(seed)
                suffix = _SETS[split] or "-m" if len(task.valid_splits) > 1 else ""
                rows.append(Row(task.name, task.name + suffix, metric, values, missing, undefined))
    digests = {run["settings"].get("checkpoint_digest") for run in runs.values()}
    return Report(name, rows, len(digests))


def glue_table(report: Report) -> str:
    """Show a checkpoint's results as a Markdown table under its name, in percent."""
    rows: list[list[object]] = []
    for row in report.rows:
        count = len(row.values)
        seeds = f"{count} of {count + len(row.missing)}" if row.missing else str(count)
        if row.undefined:
            seeds += f", {len(row.undefined)} not defined"
        numbers = ["missing", "missing", ""]
        if row.values:
            numbers = [_shown(row.median), _shown(row.mean), _shown(row.std)]
        rows.append([row.name, row.metric, *numbers, seeds])
    averages = [report.average(what) for what in ("median", "mean")]
    numbers = ["missing" if value is None else _shown(value) for value in averages]
    rows.append(["**average**", f"of 8 tasks, without {LEFT_OUT}", *numbers, None, None])
    table = markdown_table(("task", "metric", "median", "mean", "std", "seeds"), rows)
    text = f"**{report.name}**\n\n{table}"
    if report.checkpoints > 1:
        text += f"\nThe runs started from {report.checkpoints} different checkpoints.\n"
    return text


def _shown(value):
    return "" if value is None else f"{value:.2f}"
