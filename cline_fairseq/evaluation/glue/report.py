"""Tables of results over several tasks, seeds and checkpoints."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import InputError, MissingFileError
from ...runtime.markdown import markdown_table
from .results import RESULT, is_chosen, read_result
from .tasks import GLUE_TASKS

LEFT_OUT = "WNLI"  # not in the average, as in the papers on BERT and RoBERTa
_AVERAGED = tuple(task for task in GLUE_TASKS if task != LEFT_OUT)
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
        rows: rows of all tasks, in GLUE's order, and then of the user's own tasks.
        checkpoints: number of different checkpoints that the runs started from.
        averaged: tasks of GLUE to average; none if there is no average.
    """

    name: str
    rows: list[Row]
    checkpoints: int
    averaged: tuple[str, ...]

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in the order of the rows."""
        return list(dict.fromkeys(row.task for row in self.rows))

    @property
    def is_partial(self) -> bool:
        """Whether the average covers only some of the eight tasks."""
        return len(self.averaged) < len(_AVERAGED)

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
        """Average the tasks to average; None if a value is missing, or if there are none."""
        scores = [self.task_score(task, what) for task in self.averaged]
        known = [score for score in scores if score is not None]
        return statistics.fmean(known) if known and len(known) == len(scores) else None

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
        partial = "partial_" if self.is_partial else ""
        return {
            "name": self.name,
            "rows": rows,
            "task_scores": {task: self.task_score(task) for task in self.tasks},
            "averaged_tasks": list(self.averaged),
            f"{partial}average_of_medians": self.average("median"),
            f"{partial}average_of_means": self.average("mean"),
        }


def read_runs(folder: Path) -> tuple[dict[tuple[str, int], dict], set[int]]:
    """Read all runs below a folder; of a sweep, those with the chosen learning rate.

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
        chosen = is_chosen(path.parent)
        if chosen is False:
            continue
        seeds.add(int(number))
        if chosen is None or not (path / RESULT).is_file():
            continue
        result = read_result(path / RESULT)
        key = result["task"], result["seed"]
        if key in runs:
            raise InputError(
                f"{folder} holds {key[0]} with seed {key[1]} twice (once in {path}): use "
                "folders with one run of each"
            )
        runs[key] = {**result, "folder": str(path)}
    if not seeds:
        raise MissingFileError(
            f"no runs in {folder}: pass a folder that cline-fairseq glue-finetune wrote to, or one "
            "above it"
        )
    return runs, seeds


class Measure(NamedTuple):
    """A row to fill.

    Attributes:
        task: name of the task; a test set counts as a task of its own.
        name: name of the row.
        run: name of the task in its runs.
        split: name of the split.
        metric: name of the metric.
    """

    task: str
    name: str
    run: str
    split: str
    metric: str


def choose_measures(
    found: Iterable[dict[tuple[str, int], dict]], tasks: Sequence[str] | None = None
) -> list[Measure]:
    """Choose the rows of tables over the runs of several checkpoints.

    Args:
        found: runs of each checkpoint, as :func:`read_runs` returns them.
        tasks: names of tasks (None: all of GLUE if there is a run of one, and all others that
            have runs).

    Raises:
        InputError: if a task is none of GLUE's and has no runs.
    """
    own: dict[str, dict[str, list[str]]] = {}
    has_glue = False
    for runs in found:
        for (name, _), run in sorted(runs.items()):
            has_glue |= name in GLUE_TASKS
            if name not in GLUE_TASKS:
                for split, metrics in run["metrics"].items():
                    own.setdefault(name, {}).setdefault(split, list(metrics))
    if tasks is None:
        tasks = [*(GLUE_TASKS if has_glue or not own else ()), *own]
    for name in tasks:
        if name not in GLUE_TASKS and name not in own:
            raise InputError(
                f"no runs of {name!r}, which is not a task of GLUE: pass some of "
                f"{', '.join([*GLUE_TASKS, *own])}"
            )
    measures = []
    for name, task in GLUE_TASKS.items():
        for split in task.valid_splits if name in tasks else ():
            suffix = _SETS[split] or "-m" if len(task.valid_splits) > 1 else ""
            measures += [Measure(name, name + suffix, name, split, m) for m in task.metrics]
    for name, splits in own.items():
        for split, metrics in splits.items() if name in tasks else ():
            shown = f"{name} test" if split == "test" else name
            measures += [Measure(shown, shown, name, split, m) for m in metrics]
    return measures


def make_report(
    name: str,
    runs: dict[tuple[str, int], dict],
    seeds: Sequence[int],
    measures: Sequence[Measure] | None = None,
) -> Report:
    """Summarize the runs of a checkpoint.

    Args:
        name: what to call the checkpoint.
        runs: what :func:`read_runs` returns.
        seeds: seeds that each task should have.
        measures: rows of the table (None: those of :func:`choose_measures` for these runs).
    """
    measures = choose_measures([runs]) if measures is None else measures
    rows = []
    for task, shown, run, split, metric in measures:
        values, missing, undefined = [], [], []
        for seed in seeds:
            metrics = runs.get((run, seed), {"metrics": {}})["metrics"]
            value = metrics.get(split, {}).get(metric)
            if value is not None:
                values.append(100 * value)
                continue
            missing.append(seed)
            if split in metrics:
                undefined.append(seed)
        rows.append(Row(task, shown, metric, values, missing, undefined))
    names = {measure.run for measure in measures}
    digests = {
        run["settings"].get("checkpoint_digest") for (task, _), run in runs.items() if task in names
    }
    averaged = tuple(task for task in _AVERAGED if task in names)
    return Report(name, rows, len(digests), averaged)


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
    if report.averaged:
        averages = [report.average(what) for what in ("median", "mean")]
        numbers = ["missing" if value is None else _shown(value) for value in averages]
        title, which = "**average**", f"of {len(_AVERAGED)} tasks, without {LEFT_OUT}"
        if report.is_partial:
            title = "**partial average**"
            which = f"of {len(report.averaged)} of {len(_AVERAGED)} tasks"
        rows.append([title, which, *numbers, None, None])
    table = markdown_table(("task", "metric", "median", "mean", "std", "seeds"), rows)
    text = f"**{report.name}**\n\n{table}"
    if report.checkpoints > 1:
        text += f"\nThe runs started from {report.checkpoints} different checkpoints.\n"
    return text


def _shown(value):
    return "" if value is None else f"{value:.2f}"
