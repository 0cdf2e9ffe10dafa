"""Tables of results, against numpy over the same numbers."""

import json

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.glue.report import read_runs
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from programs import run


def write_run(folder, task, seed, rng, metrics=None):
    task = GLUE_TASKS[task]
    folder = folder / task.name / f"seed{seed}"
    folder.mkdir(parents=True)
    metrics = metrics or {
        split: {metric: rng.uniform(0.3, 0.9) for metric in task.metrics}
        for split in task.valid_splits
    }
    result = {"format": 1, "task": task.name, "seed": seed, "metrics": metrics, "settings": {}}
    (folder / "result.json").write_text(json.dumps(result))
    return metrics


@pytest.fixture
def runs(tmp_path):
    """All tasks with three seeds, and their metrics."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "cline"
    written = {
        (task, seed): write_run(folder, task, seed, rng)
        for task in GLUE_TASKS
        for seed in (1, 2, 3)
    }
    return folder, written


def report(*arguments, **options):
    return run("scripts/glue_report.py", *arguments, **options)


def cells(result, name, metric):
    for line in result.stdout.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if parts[1:3] == [name, metric]:
            return parts[3:-1]
    raise AssertionError(result.stdout)


def test_numbers(runs, tmp_path):
    folder, written = runs
    result = report(folder, "--json", tmp_path / "glue.json", "--plot", tmp_path / "glue.png")
    values = {}
    for (task, _), metrics in written.items():
        for split, of_split in metrics.items():
            for metric, value in of_split.items():
                values.setdefault((task, split, metric), []).append(100 * value)
    found = json.loads((tmp_path / "glue.json").read_text())[0]
    assert len(found["rows"]) == len(values) == 13
    for row, ((task, _, metric), numbers) in zip(found["rows"], values.items(), strict=True):
        assert (row["task"], row["metric"], row["seeds"]) == (task, metric, 3)
        assert row["median"] == pytest.approx(np.median(numbers))
        assert row["mean"] == pytest.approx(np.mean(numbers))
        assert row["std"] == pytest.approx(np.std(numbers, ddof=1))
        shown = [f"{row[name]:.2f}" for name in ("median", "mean", "std")]
        assert cells(result, row["name"], metric) == [*shown, "3"]
    names = [row["name"] for row in found["rows"]]
    assert names[names.index("MNLI-m") + 1] == "MNLI-mm"
    for what, of_what in (("medians", np.median), ("means", np.mean)):
        scores = [
            np.mean([of_what(v) for (task, *_), v in values.items() if task == name])
            for name in GLUE_TASKS
            if name != "WNLI"
        ]
        assert found[f"average_of_{what}"] == pytest.approx(np.mean(scores))
    average = cells(result, "**average**", "of 8 tasks, without WNLI")
    assert average[0] == f"{found['average_of_medians']:.2f}"
    assert (tmp_path / "glue.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("task", ["CoLA", "MNLI", "WNLI"])
def test_missing_runs_are_not_averaged_away(runs, task):
    folder, written = runs
    (folder / task / "seed2" / "result.json").unlink()
    result = report(folder)
    metric = GLUE_TASKS[task].metrics[0]
    name = "MNLI-mm" if task == "MNLI" else task
    shown = cells(result, name, metric)
    assert shown[-1] == "2 of 3"
    split = GLUE_TASKS[task].valid_splits[-1]
    two = [100 * written[task, seed][split][metric] for seed in (1, 3)]
    assert shown[1] == f"{np.mean(two):.2f}"
    average = cells(result, "**average**", "of 8 tasks, without WNLI")
    assert (average[:2] == ["missing", "missing"]) == (task != "WNLI")
    assert cells(report(folder, "--seeds", "1,3"), name, metric)[-1] == "2"


def test_missing_task_and_dev_set(runs, tmp_path):
    folder, _ = runs
    for seed in (1, 2, 3):
        path = folder / "MNLI" / f"seed{seed}" / "result.json"
        result = json.loads(path.read_text())
        del result["metrics"]["valid1"]
        path.write_text(json.dumps(result))
        (folder / "QQP" / f"seed{seed}" / "result.json").unlink()
    result = report(folder, "--plot", tmp_path / "glue.png")
    assert cells(result, "MNLI-m", "accuracy")[-1] == "3"
    assert cells(result, "MNLI-mm", "accuracy") == ["missing", "missing", "", "0 of 3"]
    assert cells(result, "QQP", "f1") == ["missing", "missing", "", "0 of 3"]
    assert cells(result, "**average**", "of 8 tasks, without WNLI")[0] == "missing"


def test_undefined_metrics(runs):
    folder, _ = runs
    path = folder / "STS-B" / "seed1" / "result.json"
    result = json.loads(path.read_text())
    result["metrics"]["valid"]["pearson"] = None
    path.write_text(json.dumps(result))
    result = report(folder)
    assert cells(result, "STS-B", "pearson")[-1] == "2 of 3, 1 not defined"
    assert cells(result, "**average**", "of 8 tasks, without WNLI")[0] == "missing"


def test_several_checkpoints(runs, tmp_path):
    """A seed that one has and the other lacks is missing there."""
    folder, _ = runs
    write_run(tmp_path / "other", "RTE", 1, np.random.default_rng(1))
    arguments = (folder, tmp_path / "other", "--names", "ours,stock")
    result = report(*arguments, "--plot", tmp_path / "glue.png")
    first, second = result.stdout.split("**stock**")
    assert "| RTE | accuracy |" in first
    assert "1 of 3 |" in second
    assert report(folder, folder, check=False).returncode == 2


def test_the_same_run_twice(runs, tmp_path):
    folder, _ = runs
    write_run(folder / "again", "RTE", 1, np.random.default_rng(1))
    with pytest.raises(InputError, match="holds RTE with seed 1 twice"):
        read_runs(folder)


def test_some_tasks(runs, tmp_path):
    """Their average is marked as partial, and not what a reader takes for GLUE's."""
    folder, written = runs
    options = ("--tasks", "RTE,MRPC,WNLI", "--json", tmp_path / "glue.json")
    result = report(folder, *options, "--plot", tmp_path / "glue.png")
    found = json.loads((tmp_path / "glue.json").read_text())[0]
    assert list(found["task_scores"]) == ["MRPC", "RTE", "WNLI"]
    assert found["averaged_tasks"] == ["MRPC", "RTE"]
    expected = np.mean(
        [
            np.mean([np.median([written[task, s]["valid"][m] for s in (1, 2, 3)]) for m in names])
            for task, names in (("MRPC", ("f1", "accuracy")), ("RTE", ("accuracy",)))
        ]
    )
    assert found["partial_average_of_medians"] == pytest.approx(100 * expected)
    assert "average_of_medians" not in found
    assert cells(result, "**partial average**", "of 2 of 8 tasks")[0] == f"{100 * expected:.2f}"
    assert "| **average** |" not in result.stdout
    assert "| CoLA |" not in result.stdout
    assert "average" not in report(folder, "--tasks", "WNLI").stdout
    everything = report(folder, "--tasks", ",".join(GLUE_TASKS))
    assert everything.stdout == report(folder).stdout
    result = report(folder, "--tasks", "RTE,IMDb", check=False)
    assert result.returncode == 1
    assert "no runs of 'IMDb', which is not a task of GLUE" in result.stderr


def write_own_run(folder, seed, metrics):
    folder = folder / f"seed{seed}"
    folder.mkdir(parents=True)
    result = {"format": 1, "task": "IMDb", "seed": seed, "metrics": metrics, "settings": {}}
    (folder / "result.json").write_text(json.dumps(result))


def test_own_tasks(runs, tmp_path):
    """They have rows of their own, also for their test set, and are not averaged."""
    values = {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0.25}}
    write_own_run(tmp_path / "own" / "IMDb", 1, values)
    alone = report(tmp_path / "own")
    assert cells(alone, "IMDb", "accuracy") == ["50.00", "50.00", "", "1"]
    assert cells(alone, "IMDb test", "accuracy")[0] == "25.00"
    assert "average" not in alone.stdout
    assert "RTE" not in alone.stdout
    folder, _ = runs
    before = cells(report(folder), "**average**", "of 8 tasks, without WNLI")
    write_own_run(folder / "IMDb", 1, values)
    both = report(folder)
    assert cells(both, "IMDb", "accuracy")[-1] == "1 of 3"
    assert cells(both, "**average**", "of 8 tasks, without WNLI") == before


def test_sweeps(tmp_path):
    """Only the chosen learning rate counts, and none before the choice."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "RTE"
    written = {}
    for rate in ("lr-1e-05", "lr-2e-05"):
        write_run(tmp_path / "runs" / rate, "RTE", 1, rng)
        (folder / rate).mkdir(parents=True)
        moved = tmp_path / "runs" / rate / "RTE" / "seed1"
        written[rate] = json.loads((moved / "result.json").read_text())["metrics"]
        moved.rename(folder / rate / "seed1")
    assert read_runs(folder) == ({}, {1})
    sweep = {"format": 1, "chosen_folder": "lr-2e-05"}
    (folder / "sweep.json").write_text(json.dumps(sweep))
    found, seeds = read_runs(folder)
    assert seeds == {1}
    assert found["RTE", 1]["metrics"] == written["lr-2e-05"]
    (folder / "sweep.json").write_text("{}")
    with pytest.raises(InputError, match=r"sweep.json is not the choice of a sweep"):
        read_runs(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "error: no runs in "), ("{", "is not a result of cline-fairseq glue-finetune")],
)
def test_bad_folders(tmp_path, text, message):
    if text:
        (tmp_path / "seed1").mkdir()
        (tmp_path / "seed1" / "result.json").write_text(text)
    result = report(tmp_path, check=False)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
