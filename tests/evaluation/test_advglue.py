"""AdvGLUE's files and scores against loops in plain Python."""

import json
import random

import pytest

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation.advglue import (
    ADVGLUE_TASKS,
    read_file,
    require_task_labels,
    score_advglue,
    texts_to_predict,
)
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS


def make_file(path, annotated=True, seed=1, examples=30):
    """A file as AdvGLUE has it, for all tasks; one text of a pair is attacked, or has no original.

    Returns:
        what is in the file.
    """
    rng = random.Random(seed)
    tasks = {}
    for name, task in ADVGLUE_TASKS.items():
        rows = []
        for i in range(examples):
            row = {"idx": i} | {field: f"{field} number {i}" for field in task.texts}
            row["label"] = rng.randrange(len(task.labels))
            if annotated:
                if rng.random() < 0.7:
                    row["original_" + rng.choice(task.texts)] = f"before {i}"
                row["method"] = rng.choice(["TextFooler", "CheckList"])
                row["data_construction"] = rng.choice(["word", "human"])
            rows.append(row)
        tasks[name] = rows
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return tasks


def test_labels_are_those_of_glue():
    """0, 1, 2 as AdvGLUE numbers them, in GLUE's spelling."""
    for task in ADVGLUE_TASKS.values():
        assert set(task.labels) == set(GLUE_TASKS[task.glue].labels)
        assert len(task.texts) == len(GLUE_TASKS[task.glue].texts)
    assert ADVGLUE_TASKS["mnli"].labels == ("entailment", "neutral", "contradiction")
    assert (
        ADVGLUE_TASKS["qnli"].labels
        == ADVGLUE_TASKS["rte"].labels
        == ("entailment", "not_entailment")
    )


@pytest.mark.parametrize("annotated", [True, False])
def test_scores_are_those_of_loops(tmp_path, annotated):
    raw = make_file(tmp_path / "dev.json", annotated)
    tasks = read_file(tmp_path / "dev.json")
    assert list(tasks) == list(ADVGLUE_TASKS)
    for name, examples in tasks.items():
        task = ADVGLUE_TASKS[name]
        rng = random.Random(name)
        texts = texts_to_predict(examples)
        answer = {text: rng.choice(task.labels) for text in texts}
        scores, methods = score_advglue(examples, [answer[text] for text in texts], 50)
        counts = {}
        for row in raw[name]:
            attacked = tuple(row[field] for field in task.texts)
            original = tuple(row.get(f"original_{field}", row[field]) for field in task.texts)
            attacked, original = (t if len(t) > 1 else t[0] for t in (attacked, original))
            gold = task.labels[row["label"]]
            for key in ("all", row.get("method")):
                count = counts.setdefault(key, [0] * 5)
                count[0] += 1
                count[1] += answer[attacked] == gold
                if original != attacked:
                    count[2] += 1
                    count[3] += answer[original] == gold
                    count[4] += answer[attacked] == gold
        counts.pop(None, None)
        found = {"all": scores, **methods}
        assert set(found) == set(counts)
        for key, (n, right, originals, clean, adversarial) in counts.items():
            assert (found[key].examples, found[key].with_original) == (n, originals)
            assert found[key].adversarial.value == pytest.approx(right / n)
            assert found[key].adversarial.low <= right / n <= found[key].adversarial.high
            if originals:
                assert found[key].original.value == pytest.approx(clean / originals)
                assert found[key].attacked.value == pytest.approx(adversarial / originals)
            else:
                assert found[key].original is found[key].attacked is None
        if not annotated:
            assert methods == {}
            assert scores.with_original == 0


def test_bad_files(tmp_path):
    path = tmp_path / "dev.json"
    with pytest.raises(MissingFileError, match=r"no file .*dev\.json"):
        read_file(path)
    for text, message in {
        "{": "is not JSON",
        "[]": "has none of the tasks sst2, qqp, mnli, mnli-mm, qnli, rte",
        '{"cola": []}': "has none of the tasks",
        '{"sst2": [1]}': "sst2, example 0: not a JSON object",
        '{"sst2": [{"text": "a"}]}': "sst2, example 0: no text 'sentence'",
        '{"sst2": [{"sentence": "a", "label": 2}]}': "expected a label from 0 to 1, found 2",
        '{"sst2": [{"sentence": "a"}]}': "expected a label from 0 to 1, found None",
    }.items():
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_file(path)


def test_classifiers_have_the_labels_of_the_task():
    task = ADVGLUE_TASKS["rte"]
    require_task_labels(task, ["not_entailment", "entailment"], "a.pt")
    with pytest.raises(
        InputError, match=r"AdvGLUE's rte: .* 'entailment' .* of a\.pt \(0, 1\); use"
    ):
        require_task_labels(task, ["0", "1"], "a.pt")
    with pytest.raises(
        InputError, match=r"a\.pt: the label 'neutral' .* of AdvGLUE's rte \(entail"
    ):
        require_task_labels(task, ["entailment", "neutral", "not_entailment"], "a.pt")
    with pytest.raises(InputError, match=r"none: it predicts numbers.*use a classifier for RTE"):
        require_task_labels(task, [], "a.pt")
