"""The tables of evaluation, cell by cell, and the function that writes them all."""

import doctest
import math

import numpy as np
import pytest

from cline_fairseq.evaluation.advglue import AdvGlueScores
from cline_fairseq.evaluation.advglue_report import AdvGlueReport, advglue_table, advglue_values
from cline_fairseq.evaluation.attack.results import Summary, attack_table
from cline_fairseq.evaluation.bootstrap import Share
from cline_fairseq.evaluation.contrast import ContrastScores, ContrastSet, Unmoved
from cline_fairseq.evaluation.contrast_report import ContrastReport, contrast_tables, write_unmoved
from cline_fairseq.evaluation.geometry_report import geometry_table, geometry_values
from cline_fairseq.evaluation.glue.report import glue_table, make_report
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from cline_fairseq.evaluation.hits_report import HitsReport, hits_table
from cline_fairseq.evaluation.labelled_text import LabelledExample
from cline_fairseq.runtime import markdown
from cline_fairseq.runtime.markdown import markdown_table

A, B, C = Share(0.859, 0.828, 0.889), Share(0.582, 0.539, 0.627), Share(0.447, 0.404, 0.492)
WHOLE = {"cut_texts": 0, "num_texts": 9, "max_positions": 256}
CUT = {"cut_texts": 3, "num_texts": 9, "max_positions": 256}


def test_markdown_table():
    assert doctest.testmod(markdown).attempted == 1
    assert doctest.testmod(markdown).failed == 0
    assert markdown_table(["a", None], []) == "| a | |\n|---|---|\n"
    with pytest.raises(ValueError, match="a row has 1 cells and the header 2"):
        markdown_table(["a", "b"], [["c", "d"], ["e"]])


def test_attack_table():
    attacked = Summary(
        *(1200, 900, 800, Share(0.775, 0.715, 0.83), Share(0.045, 0.02, 0.075)),
        *(Share(0.942, 0.903, 0.974), 0.1174, 135.96),
    )
    skipped = Summary(1, 0, 0, *[Share(0, 0, 0)] * 2, None, None, None)
    assert (
        attack_table({"CLINE": attacked, "none": skipped})
        == """\
| model | examples | accuracy, % | under attack, % | attack success, % | words changed, % \
| queries |
|---|---|---|---|---|---|---|
| CLINE | 1,200 | 77.5 (71.5 to 83.0) | 4.5 (2.0 to 7.5) | 94.2 (90.3 to 97.4) | 11.7 | 136.0 |
| none | 1 | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | - | - | - |
"""
    )


def test_hits_table():
    one = np.linspace(0.1, 0.9, 2 * 4 * 3).reshape(2, 4, 3)
    two = np.linspace(0.2, 0.7, 3 * 4 * 3).reshape(3, 4, 3)
    reports = [HitsReport("A", one), HitsReport("B", two)]
    lines = hits_table(reports, Share(0.08, 0.06, 0.1)).splitlines()
    assert len(lines) == 2 + 4 * 4 + 1
    assert (
        "\n".join([*lines[:6], lines[-1]])
        == """\
| similarity | layer | A | B |
|---|---|---|---|
| CLS, dot product | 0 | 10.0 (13.5 to 17.0) | 20.0 (21.4 to 22.9) |
| CLS, dot product | 1 | 51.7 (55.2 to 58.7) | 37.1 (38.6 to 40.0) |
| CLS, dot product | 2 |  | 54.3 (55.7 to 57.1) |
| CLS, dot product | best | 51.7 (55.2 to 58.7), layer 1 | 54.3 (55.7 to 57.1), layer 2 |
| number of shared words | | 8.0 (6.0 to 10.0) | 8.0 (6.0 to 10.0) |"""
    )


def glue_run(task, seed, value):
    names, splits = GLUE_TASKS[task].metrics, GLUE_TASKS[task].valid_splits
    metrics = {split: dict.fromkeys(names, value) for split in splits}
    return {
        "task": task,
        "seed": seed,
        "metrics": metrics,
        "settings": {"checkpoint_digest": f"d{seed}"},
    }


def test_glue_table():
    runs = {
        (task, seed): glue_run(task, seed, 0.5 + 0.01 * seed + 0.02 * i)
        for i, task in enumerate(GLUE_TASKS)
        for seed in (1, 2)
    }
    del runs["RTE", 2]
    runs["STS-B", 1] = glue_run("STS-B", 1, None)
    assert (
        glue_table(make_report("part", runs, [1, 2]))
        == """\
**part**

| task | metric | median | mean | std | seeds |
|---|---|---|---|---|---|
| CoLA | matthews | 51.50 | 51.50 | 0.71 | 2 |
| SST-2 | accuracy | 53.50 | 53.50 | 0.71 | 2 |
| MRPC | f1 | 55.50 | 55.50 | 0.71 | 2 |
| MRPC | accuracy | 55.50 | 55.50 | 0.71 | 2 |
| STS-B | pearson | 58.00 | 58.00 |  | 1 of 2, 1 not defined |
| STS-B | spearman | 58.00 | 58.00 |  | 1 of 2, 1 not defined |
| QQP | f1 | 59.50 | 59.50 | 0.71 | 2 |
| QQP | accuracy | 59.50 | 59.50 | 0.71 | 2 |
| MNLI-m | accuracy | 61.50 | 61.50 | 0.71 | 2 |
| MNLI-mm | accuracy | 61.50 | 61.50 | 0.71 | 2 |
| QNLI | accuracy | 63.50 | 63.50 | 0.71 | 2 |
| RTE | accuracy | 65.00 | 65.00 |  | 1 of 2 |
| WNLI | accuracy | 67.50 | 67.50 | 0.71 | 2 |
| **average** | of 8 tasks, without WNLI | missing | missing | | |

The runs started from 2 different checkpoints.
"""
    )
    one = {(task, 1): glue_run(task, 1, 0.5) for task in ("RTE", "MNLI")}
    assert (
        glue_table(make_report("one", one, [1]))
        == """\
**one**

| task | metric | median | mean | std | seeds |
|---|---|---|---|---|---|
| CoLA | matthews | missing | missing |  | 0 of 1 |
| SST-2 | accuracy | missing | missing |  | 0 of 1 |
| MRPC | f1 | missing | missing |  | 0 of 1 |
| MRPC | accuracy | missing | missing |  | 0 of 1 |
| STS-B | pearson | missing | missing |  | 0 of 1 |
| STS-B | spearman | missing | missing |  | 0 of 1 |
| QQP | f1 | missing | missing |  | 0 of 1 |
| QQP | accuracy | missing | missing |  | 0 of 1 |
| MNLI-m | accuracy | 50.00 | 50.00 |  | 1 |
| MNLI-mm | accuracy | 50.00 | 50.00 |  | 1 |
| QNLI | accuracy | missing | missing |  | 0 of 1 |
| RTE | accuracy | 50.00 | 50.00 |  | 1 |
| WNLI | accuracy | missing | missing |  | 0 of 1 |
| **average** | of 8 tasks, without WNLI | missing | missing | | |
"""
    )


def contrast_report(name, groups, truncation=WHOLE):
    text = LabelledExample("a", "0", "f")
    unmoved = [Unmoved(ContrastSet("s", None, text, [text]), text._replace(label="1"), "0")]
    return ContrastReport(name, "p", ContrastScores(3, 6, A, B, C), groups, unmoved, truncation)


def test_contrast_tables(tmp_path):
    original, same, other = (LabelledExample(*x, "f") for x in (("a", "0"), ("b", "0"), ("c", "1")))
    sets = [ContrastSet(str(i), None, original, [other if i else same] * 2) for i in range(3)]
    reports = [contrast_report("A", {}), contrast_report("B", {})]
    assert (
        contrast_tables(reports, sets)
        == """\
3 contrast sets, 9 texts.

| checkpoint | originals | contrasts | consistency | unmoved |
|---|---|---|---|---|
| A | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) | 1 of 4 |
| B | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) | 1 of 4 |
"""
    )
    groups = {"x": ContrastScores(1200, 4, A, B, C), "y": ContrastScores(1, 2, A, B, C)}
    reports = [contrast_report("A", groups, CUT), contrast_report("B", groups)]
    assert (
        contrast_tables(reports, sets)
        == """\
3 contrast sets, 9 texts.

| checkpoint | originals | contrasts | consistency | unmoved |
|---|---|---|---|---|
| A | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) | 1 of 4 |
| B | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) | 1 of 4 |

| group | sets | checkpoint | originals | contrasts | consistency |
|---|---|---|---|---|---|
| x | 1,200 | A | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) |
| x | 1,200 | B | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) |
| y | 1 | A | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) |
| y | 1 | B | 85.9 (82.8 to 88.9) | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) |

A: 3 of 9 texts were longer than the model's 256 positions and were truncated.
"""
    )
    values = reports[0].as_dict()
    assert list(values) == ["name", "checkpoint", "scores", "groups", "unmoved", *CUT]
    assert values["unmoved"] == 1
    assert values["groups"]["y"]["consistency"]["low"] == 0.404
    write_unmoved(reports, tmp_path / "u.tsv", is_pair=False)
    rows = (tmp_path / "u.tsv").read_text(encoding="utf-8").splitlines()
    assert rows[0].split("\t")[-2:] == ["original_text", "contrast_text"]
    assert [row.split("\t")[0] for row in rows[1:]] == ["A", "B"]


def test_advglue_table():
    reports = {(model, task): None for model in "ab" for task in ("sst2", "qqp", "mnli")}
    with_originals, alone = AdvGlueScores(148, A, 131, B, C), AdvGlueScores(78, A, 0, None, None)
    reports["a", "sst2"] = AdvGlueReport("a", "sst2", "p", with_originals, {"m": alone}, CUT)
    reports["b", "qqp"] = AdvGlueReport("b", "qqp", "p", alone, {}, WHOLE)
    assert (
        advglue_table(reports)
        == """\
| task | model | adversarial | examples | clean, where given | the same, adversarial | examples |
|---|---|---|---|---|---|---|
| sst2 | a | 85.9 (82.8 to 88.9) | 148 | 58.2 (53.9 to 62.7) | 44.7 (40.4 to 49.2) | 131 |
| sst2 | b | missing | | | | |
| qqp | a | missing | | | | |
| qqp | b | 85.9 (82.8 to 88.9) | 78 | | | 0 |
| mnli | a | missing | | | | |
| mnli | b | missing | | | | |

a, sst2: 3 of 9 texts were longer than the model's 256 positions and were truncated.
"""
    )
    values = advglue_values(reports)
    assert values[1] == {"model": "a", "task": "qqp", "scores": None}
    assert values[0]["methods"]["m"]["original"] is None
    assert values[0]["cut_texts"] == 3


def test_geometry_table():
    def rows(uniformity):
        return {
            "alignment": Share(0.206, 0.191, 0.221),
            "uniformity": Share(uniformity, math.nan, math.nan),
            "closer": A,
            "margin": Share(-0.024, -0.027, -0.021),
            "shared_words": B,
        }

    assert (
        geometry_table({"A": rows(-0.532), "B": rows(math.nan)})
        == """\
| | A | B |
|---|---|---|
| alignment | 0.206 (0.191 to 0.221) | 0.206 (0.191 to 0.221) |
| uniformity | -0.532 |  |
| closer | 85.9 (82.8 to 88.9) | 85.9 (82.8 to 88.9) |
| margin | -0.024 (-0.027 to -0.021) | -0.024 (-0.027 to -0.021) |
| shared_words | 58.2 (53.9 to 62.7) | 58.2 (53.9 to 62.7) |
"""
    )
    assert geometry_values(rows(-0.532))["uniformity"] == {
        "value": -0.532,
        "low": None,
        "high": None,
    }
