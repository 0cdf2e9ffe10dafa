"""Files of one's own: every format gives the same examples, and what is wrong is said."""

import json
import sys

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.finetuning.own_task import OwnFiles, read_task

ROWS = [
    {"first": 'a "good", film', "second": "see it", "stars": "five"},
    {"first": "so bad", "second": "two\nlines", "stars": "one"},
    {"first": "fair", "second": "", "stars": "one"},
]
COLUMNS = ("first", "second")


def quoted(value):
    return '"' + value.replace('"', '""') + '"'


def write(path, rows=ROWS, header=True):
    """Write rows in the format that the name of the file asks for."""
    if path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="needs the extra parquet")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        return path
    if path.suffix == ".jsonl":
        lines = map(json.dumps, rows)
    else:
        sign = "," if path.suffix == ".csv" else "\t"
        lines = [sign.join(quoted(str(value)) for value in row.values()) for row in rows]
        lines = [*([sign.join(rows[0])] if header else []), *lines]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def task_of(paths, **options):
    defaults = {"texts": COLUMNS, "label": "stars"}
    return read_task("stars", OwnFiles(paths, **(defaults | options)))


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl", "parquet"])
def test_formats(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}")
    task, splits = task_of({"train": path, "valid": path, "test": path})
    assert (task.labels, task.is_regression, task.num_classes) == (("five", "one"), False, 2)
    for split in splits.values():
        assert split.texts == [
            ('a "good", film', "see it"),
            ("so bad", "two lines"),
            ("fair", ""),
        ]
        assert split.labels == ["five", "one", "one"]


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_without_a_header(tmp_path, ending):
    path = write(tmp_path / f"a.{ending}", header=False)
    columns = ("first", "second", "stars")
    _, splits = task_of({"train": path, "valid": path}, columns=columns)
    assert len(splits["train"].texts) == len(ROWS)


def test_skipped_labels(tmp_path):
    path = write(tmp_path / "a.jsonl", [*ROWS, {**ROWS[0], "stars": "-"}])
    task, splits = task_of({"train": path, "valid": path}, skipped=("-",))
    assert task.labels == ("five", "one")
    assert [len(splits["train"].texts), splits["train"].left_out] == [3, 1]


def test_numbers_and_a_test_file_without_labels(tmp_path):
    rows = [{"first": "a", "stars": number} for number in (1, 2.5, -3)]
    path = write(tmp_path / "a.jsonl", rows)
    test = write(tmp_path / "b.csv", [{"first": "a"}])
    options = {"texts": ("first",), "is_regression": True}
    task, splits = task_of({"train": path, "valid": path, "test": test}, **options)
    assert (task.is_regression, task.num_classes, task.score_range) == (True, 1, None)
    assert splits["valid"].labels == ["1", "2.5", "-3"]
    assert splits["test"].labels is None


def test_labels_are_spelled_as_in_json(tmp_path):
    rows = [{"first": "a", "second": "b", "stars": value} for value in (True, False)]
    path = write(tmp_path / "a.jsonl", rows)
    assert task_of({"train": path, "valid": path})[0].labels == ("false", "true")


ONE = ROWS[0]
BAD = [
    ("valid", [{**ONE, "stars": "six"}], {}, "b.jsonl, line 1: the label 'six' is not among the "),
    ("test", [{**ONE, "stars": "six"}], {}, "b.jsonl, line 1: the label 'six' is not among the "),
    ("valid", [], {}, "b.jsonl contains no examples"),
    ("train", [ONE], {}, "all labels are 'five': expected at least two"),
    ("train", ROWS, {"texts": ("text",)}, "no column 'text' among 'first', 'second', 'stars'"),
    ("train", ROWS, {"texts": ("first", "x")}, "specify with --text2-column which"),
    ("train", ROWS, {"label": "gold"}, "no column 'gold' among .*--label-column"),
    ("train", [{**ONE, "first": None}], {}, "line 1: 'first' is empty"),
    ("train", [{**ONE, "first": ["a"]}], {}, "line 1: 'first' is neither text nor a number"),
    ("train", [{**ONE, "stars": ""}], {}, "the label '' cannot name a class"),
    ("train", [{**ONE, "stars": "a\tb"}], {}, "cannot name a class"),
    ("train", [{**ONE, "stars": "<pad>"}], {}, "the label '<pad>' cannot name a class"),
    ("valid", [ONE], {"is_regression": True}, "the label 'five' is not a number, as --regression"),
    ("train", [ONE], {"skipped": ("five",)}, "contains only rows that --skip-label leaves out"),
]


@pytest.mark.parametrize(("split", "rows", "options", "message"), BAD)
def test_bad_rows(tmp_path, split, rows, options, message):
    good = ROWS
    if options.get("is_regression"):
        good = [{**row, "stars": 1} for row in ROWS]
    paths = dict.fromkeys(("train", "valid", "test"), write(tmp_path / "a.jsonl", good))
    paths[split] = write(tmp_path / "b.jsonl", rows)
    with pytest.raises(InputError, match=message):
        task_of(paths, **options)


def test_parquet_without_the_column(tmp_path):
    path = write(tmp_path / "a.parquet", ROWS)
    with pytest.raises(InputError, match=r"a.parquet, row 1: no column 'text' among 'first', 's"):
        task_of({"train": path, "valid": path}, texts=("text",))
    other = write(tmp_path / "b.parquet", [{**ONE, "stars": "six"}])
    with pytest.raises(InputError, match=r"b.parquet, row 1: the label 'six' is not among the lab"):
        task_of({"train": path, "valid": other})


def test_parquet_with_a_damaged_column(tmp_path):
    """The end of the file, which describes it, is whole."""
    path = write(tmp_path / "a.parquet", [{**ONE, "first": str(i) * 9} for i in range(2000)])
    data = bytearray(path.read_bytes())
    data[60:2000] = bytes(1940)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a.parquet is not Parquet, or is damaged \("):
        task_of({"train": path, "valid": path})


def test_bad_parquet(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    path.write_text("no Parquet")
    if "pyarrow" in sys.modules or pytest.importorskip("pyarrow", reason="needs parquet"):
        with pytest.raises(InputError, match="is not Parquet, or is damaged"):
            task_of({"train": path})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"needs pyarrow.*cline-fairseq\[parquet\]"):
        task_of({"train": path})
