"""GLUE's files, read as they are published."""

import pytest

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation.glue.reading import missing_files, read_split
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS, parse_tasks
from glue_files import LABELS, SIZES, write_task

WORDS = ["The mice ran quickly over", 'He said : " no', "naïve \u2028 犬 words"]


@pytest.mark.parametrize("name", GLUE_TASKS)
def test_reads_what_was_written(tmp_path, name):
    written = write_task(tmp_path, name, WORDS)
    assert set(written) == set(GLUE_TASKS[name].files)
    for split, examples in written.items():
        found = read_split(GLUE_TASKS[name], split, tmp_path)
        assert found.texts == [tuple(text.strip() for text in texts) for texts, _ in examples]
        assert len(found.texts) == SIZES[split]
        assert found.left_out == 0
        if split.startswith("test"):
            assert found.labels is None
        else:
            assert found.labels == [label for _, label in examples]


def test_nine_tasks():
    assert list(GLUE_TASKS) == [
        "CoLA",
        "SST-2",
        "MRPC",
        "STS-B",
        "QQP",
        "MNLI",
        "QNLI",
        "RTE",
        "WNLI",
    ]
    assert set(GLUE_TASKS) == set(LABELS)
    assert parse_tasks("all") == list(GLUE_TASKS.values())
    assert parse_tasks("RTE, CoLA,RTE") == [GLUE_TASKS["RTE"], GLUE_TASKS["CoLA"]]
    with pytest.raises(InputError, match="no task 'rte' in GLUE: pass all, or some of CoLA"):
        parse_tasks("rte")


def test_windows_lines_and_bom(tmp_path):
    write_task(tmp_path, "RTE", WORDS)
    before = read_split(GLUE_TASKS["RTE"], "train", tmp_path)
    path = tmp_path / "RTE" / "train.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n").rstrip(b"\r\n"))
    assert read_split(GLUE_TASKS["RTE"], "train", tmp_path) == before


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("RTE", b"sentence2", b"sentence_b", r"train.tsv, line 1: no column 'sentence2' among"),
        ("RTE", b"\tnot_entailment", b"\tneutral", r"the label 'neutral' is not one of entailment"),
        ("RTE", b"\tnot_entailment", b"", "expected 4 tab-.* found 3"),
        (
            "RTE",
            b"\tnot_entailment",
            b"\tnot_entailment\t",
            "expected 4 tab-.* found 5",
        ),
        ("CoLA", b"gj04\t", b"source\tlabel\tmark\tsentence\ngj04\t", r"line 1: the label 'label'"),
        ("RTE", b"good", b"\xff", r"is not UTF-8"),
        ("MNLI", b"gold_label", b"gold", "no column 'gold_label'"),
    ],
)
def test_bad_files_are_named(tmp_path, name, old, new, message):
    write_task(tmp_path, name, WORDS)
    path = tmp_path / name / "train.tsv"
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        read_split(GLUE_TASKS[name], "train", tmp_path)
    assert str(path) in str(caught.value)
    assert "line " in str(caught.value)


def test_line_of_a_bad_label(tmp_path):
    write_task(tmp_path, "SST-2", WORDS)
    path = tmp_path / "SST-2" / "dev.tsv"
    lines = path.read_bytes().split(b"\n")
    lines[6] = lines[6][:-1] + b"2"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"dev.tsv, line 7: the label '2' is not one of 0, 1"):
        read_split(GLUE_TASKS["SST-2"], "valid", tmp_path)


@pytest.mark.parametrize("score", [b"5.001", b"-1", b"nan", b""])
def test_scores_are_numbers_from_0_to_5(tmp_path, score):
    write_task(tmp_path, "STS-B", WORDS)
    path = tmp_path / "STS-B" / "train.tsv"
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2].rsplit(b"\t", 1)[0] + b"\t" + score
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"line 3: the score .* is not a number from 0 to 5"):
        read_split(GLUE_TASKS["STS-B"], "train", tmp_path)


def test_broken_rows_of_qqp(tmp_path):
    """The published train and dev files have some; test files are taken whole or not at all."""
    written = write_task(tmp_path, "QQP", WORDS)
    path = tmp_path / "QQP" / "train.tsv"
    lines = path.read_bytes().split(b"\n")
    lines.insert(4, b"12\t1\t2\tHow does one")
    lines.insert(5, b"break a row?\tWhy?\t0")
    path.write_bytes(b"\n".join(lines))
    found = read_split(GLUE_TASKS["QQP"], "train", tmp_path)
    assert found.left_out == 2
    assert found.labels == [label for _, label in written["train"]]
    path = tmp_path / "QQP" / "test.tsv"
    path.write_bytes(path.read_bytes() + b"10\tHow does one\n")
    with pytest.raises(InputError, match=r"test.tsv, line 12: expected 3 tab-separated fields"):
        read_split(GLUE_TASKS["QQP"], "test", tmp_path)


def test_numbers_of_test_examples(tmp_path):
    write_task(tmp_path, "RTE", WORDS)
    path = tmp_path / "RTE" / "test.tsv"
    lines = path.read_bytes().split(b"\n")
    del lines[3]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"test.tsv, line 4: expected index 2, found '3'"):
        read_split(GLUE_TASKS["RTE"], "test", tmp_path)


def test_missing_files(tmp_path):
    write_task(tmp_path, "MNLI", WORDS)
    path = tmp_path / "MNLI" / "dev_mismatched.tsv"
    path.unlink()
    assert missing_files(GLUE_TASKS["MNLI"], list(GLUE_TASKS["MNLI"].files), tmp_path) == [path]
    with pytest.raises(MissingFileError, match=r"no file .*dev_mismatched.tsv"):
        read_split(GLUE_TASKS["MNLI"], "valid1", tmp_path)
    (tmp_path / "MNLI" / "train.tsv").write_bytes(b"")
    with pytest.raises(InputError, match="line 1: no column"):
        read_split(GLUE_TASKS["MNLI"], "train", tmp_path)
