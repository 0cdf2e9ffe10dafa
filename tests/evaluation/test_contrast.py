"""Contrast sets against loops in plain Python, and files as people have them."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation.bootstrap import bootstrap_shares
from cline_fairseq.evaluation.contrast import (
    ContrastSet,
    all_examples,
    count_moving,
    find_unmoved,
    group_by_id,
    pair_files,
    score_groups,
    score_sets,
)
from cline_fairseq.evaluation.labelled_text import (
    Columns,
    LabelledExample,
    read_examples,
    require_labels,
)

LABELS = st.sampled_from("abc")
SETS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", None]),
        # Gold label and prediction of the original, and of one to three contrasts.
        st.lists(st.tuples(LABELS, LABELS), min_size=2, max_size=4),
    ),
    min_size=1,
    max_size=12,
)


def make_sets(drawn):
    """Sets with some group, and predictions."""
    sets, predictions = [], []
    for number, (group, members) in enumerate(drawn):
        original, *contrasts = [
            LabelledExample(f"text {number}.{i}", gold, f"file, line {i}")
            for i, (gold, _) in enumerate(members)
        ]
        sets.append(ContrastSet(str(number), group, original, contrasts))
        predictions += [predicted for _, predicted in members]
    return sets, predictions


@settings(deadline=None, max_examples=40)
@given(SETS)
def test_scores_are_those_of_loops(drawn):
    sets, predictions = make_sets(drawn)
    originals = contrasts = right_originals = right_contrasts = consistent = 0
    expected_unmoved, moving = [], 0
    for number, (_, members) in enumerate(drawn):
        all_right = True
        for i, (gold, predicted) in enumerate(members):
            right = gold == predicted
            all_right = all_right and right
            if i == 0:
                originals += 1
                right_originals += right
                continue
            contrasts += 1
            right_contrasts += right
            if gold != members[0][0]:
                moving += 1
                if predicted == members[0][1]:
                    expected_unmoved.append((str(number), f"text {number}.{i}", predicted))
        consistent += all_right
    found = score_sets(sets, predictions, 20)
    assert (found.sets, found.contrasts) == (originals, contrasts)
    assert found.original.value == pytest.approx(right_originals / originals)
    assert found.contrast.value == pytest.approx(right_contrasts / contrasts)
    assert found.consistency.value == pytest.approx(consistent / originals)
    for share in (found.original, found.contrast, found.consistency):
        assert 0 <= share.low <= share.high <= 1
    unmoved = find_unmoved(sets, predictions)
    assert [(u.contrast_set.set_id, u.contrast.text, u.prediction) for u in unmoved] == (
        expected_unmoved
    )
    assert count_moving(sets) == moving
    groups = score_groups(sets, predictions, 20)
    assert list(groups) == sorted({group for group, _ in drawn if group})
    for name, scores in groups.items():
        part = make_sets([(group, members) for group, members in drawn if group == name])
        assert scores == score_sets(*part, 20)


def test_a_set_with_contrasts_of_several_groups_counts_in_each():
    original, *contrasts = [LabelledExample("text", label, "file") for label in "abbb"]
    contrasts = [c._replace(group=group) for c, group in zip(contrasts, "xyy", strict=True)]
    one = ContrastSet("1", "x", original, contrasts)
    groups = score_groups([one], ["a", "a", "b", "a"], 20)
    assert [(name, s.sets, s.contrasts) for name, s in groups.items()] == [("x", 1, 1), ("y", 1, 2)]
    assert groups["x"].contrast.value == groups["x"].consistency.value == 0
    assert groups["y"].contrast.value == 0.5
    assert groups["x"].original.value == groups["y"].original.value == 1
    assert [one.group_of(contrast) for contrast in contrasts] == ["x", "y", "y"]


def test_bootstrap_is_that_of_loops():
    """The same draws, one by one; and scipy's interval, which draws otherwise."""
    rng = np.random.default_rng(3)
    totals = np.stack([np.ones(60), rng.integers(1, 4, 60)], 1)
    counts = np.stack([rng.random(60) < 0.7, rng.integers(0, totals[:, 1] + 1)], 1)
    found = bootstrap_shares(counts, totals, 2000, seed=5)
    rng = np.random.default_rng(5)
    drawn = [[], []]
    for _ in range(2000):
        times = rng.multinomial(60, [1 / 60] * 60)
        for column in range(2):
            units = [i for i in range(60) for _ in range(times[i])]
            right = sum(counts[i, column] for i in units)
            drawn[column].append(right / sum(totals[i, column] for i in units))
    for column, share in enumerate(found):
        values = sorted(drawn[column])
        assert share.value == counts[:, column].sum() / totals[:, column].sum()
        # Of the 2000 values, 50 are below the interval and 50 above it.
        assert values[49] <= share.low <= values[50]
        assert values[1949] <= share.high <= values[1950]
        scipy = stats.bootstrap(
            (counts[:, column], totals[:, column]),
            lambda a, b, axis: a.sum(axis) / b.sum(axis),
            paired=True,
            vectorized=True,
            n_resamples=4000,
            method="percentile",
            random_state=1,
        ).confidence_interval
        assert [share.low, share.high] == pytest.approx([scipy.low, scipy.high], abs=0.02)


def test_bootstrap_draws_alike():
    counts, totals = np.array([[1], [0], [1]]), np.ones((3, 1))
    draws = [bootstrap_shares(counts, totals, 500, seed) for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    # As many units, drawn in parts that fit into memory.
    many = bootstrap_shares(np.ones((1 << 20, 1)), np.full((1 << 20, 1), 2.0), 9)
    assert many[0] == (0.5, 0.5, 0.5)
    assert str(draws[0][0]).startswith("66.7 (")
    with pytest.raises(ValueError, match="at least one unit"):
        bootstrap_shares(np.ones((0, 1)), np.ones((0, 1)))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


COLUMNS = Columns(set_id="id", group="kind")
TSV = 'label\ttext\tid\tkind\n0\t"a ""b""\tc"\t7\tx\n1\tb\t7\ty\n1\tc "\t8\t\n0\td\t8\ty\n'


def test_tabs_with_quotation_marks(tmp_path):
    path = write(tmp_path / "a.tsv", TSV)
    examples = read_examples(path, COLUMNS, {"0": "no", "1": "yes"})
    assert [e.text for e in examples] == ['a "b"\tc', "b", 'c "', "d"]
    assert [e.label for e in examples] == ["no", "yes", "yes", "no"]
    sets = group_by_id(examples)
    assert [(s.set_id, s.group, s.original.text) for s in sets] == [
        ("7", "y", 'a "b"\tc'),
        ("8", "y", 'c "'),
    ]
    assert [e.text for e in all_examples(sets)] == [e.text for e in examples]
    raw = write(tmp_path / "b.tsv", 'text\tlabel\n"a\t0\nb"\t1\n')
    assert [e.text for e in read_examples(raw, Columns(), quoting="none")] == ['"a', 'b"']


@given(st.lists(st.tuples(st.text("ab\"'\t\n ,é", max_size=8), st.text("xy", min_size=1))))
@settings(deadline=None, max_examples=40)
def test_tabs_of_other_writers(tmp_path_factory, rows):
    if not rows:
        return
    path = tmp_path_factory.mktemp("csv") / "a.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, "excel-tab").writerows([("text", "label"), *rows])
    examples = read_examples(path, Columns())
    assert [(e.text, e.label) for e in examples] == rows


def test_json_lines(tmp_path):
    """Pairs of texts, other names, and labels and ids that are no strings."""
    rows = [
        {"q": "one?", "p": "one", "answer": True, "set": 1, "role": "contrast"},
        {"q": "two?", "p": "one", "answer": False, "set": 1, "role": "original"},
        {"q": "three?", "p": "one", "answer": True, "set": 1, "role": "contrast"},
    ]
    path = write(tmp_path / "a.jsonl", "\n\n".join(map(json.dumps, rows)))
    columns = Columns("q", "answer", "p", set_id="set", role="role")
    (one,) = group_by_id(read_examples(path, columns), "original")
    assert one.original.text == ("two?", "one")
    assert [e.label for e in (one.original, *one.contrasts)] == ["false", "true", "true"]
    assert (one.set_id, one.group) == ("1", None)


def test_two_files(tmp_path):
    paths = [
        write(tmp_path / f"{name}.tsv", f"label\ttext\tid\n0\t{name}1\ta\n1\t{name}2\tb\n")
        for name in ("x", "y")
    ]
    for columns, names in ((Columns(), ["1", "2"]), (Columns(set_id="id"), ["a", "b"])):
        sets = pair_files(*(read_examples(path, columns) for path in paths))
        assert [s.set_id for s in sets] == names
        assert [e.text for e in all_examples(sets)] == ["x1", "y1", "x2", "y2"]
    originals, contrasts = (read_examples(path, Columns()) for path in paths)
    sets = pair_files(originals, [*contrasts, *contrasts], 2)
    assert [e.text for e in all_examples(sets)] == ["x1", "y1", "y2", "x2", "y1", "y2"]


def test_bad_files(tmp_path):
    good = write(tmp_path / "a.tsv", TSV)
    cases = {
        "text\tlabel\n": "contains no examples",
        "": "contains no examples",
        "text\tlabel\na\t0\nb\n": "line 3: expected 2 tab-separated fields .* found 1",
        'text\tlabel\n"a\nb"\t0\n"c" d\t0\n': "line 4: .*specify with --quoting",
        'text\tlabel\n"a\t0\nb\t1\n': "line 2: .*specify with --quoting",
        "words\tlabel\na\t0\n": "line 2: no 'text' among 'words', .*specify with --text-col",
        "text\tlabel\na\t2\n": "line 2: the label '2' is not one of 0, 1: specify with --labels",
    }
    for text, message in cases.items():
        path = write(tmp_path / "bad.tsv", text)
        with pytest.raises(InputError, match=message):
            read_examples(path, Columns(), {"0": "0", "1": "1"})
    for text, message in {
        '{"text": "a", "label": 0}\n{"text"\n': "line 2: not JSON",
        "[1]\n": "line 1: not a JSON object",
        '{"text": null, "label": 0}': "line 1: no 'text' among",
    }.items():
        path = write(tmp_path / "bad.jsonl", text)
        with pytest.raises(InputError, match=message):
            read_examples(path, Columns())
    (tmp_path / "latin.tsv").write_bytes(b"text\tlabel\n\xe9\t0\n")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_examples(tmp_path / "latin.tsv", Columns())
    with pytest.raises(MissingFileError, match=r"no file .*nowhere\.tsv"):
        read_examples(tmp_path / "nowhere.tsv", Columns())
    for columns, option in (
        (Columns(set_id="batch"), "--pair-column"),
        (Columns(text2="second"), "--text2-column"),
        (Columns(role="which"), "--role-column"),
    ):
        with pytest.raises(InputError, match=option):
            read_examples(good, columns)


def test_bad_sets(tmp_path):
    examples = read_examples(write(tmp_path / "a.tsv", TSV), COLUMNS)
    with pytest.raises(InputError, match=r"line 4: the pair '8' has only one row"):
        group_by_id(examples[:3])
    with pytest.raises(InputError, match=r"a\.tsv has 4 examples, and .*a\.tsv has 3"):
        pair_files(examples, examples[:3])
    with pytest.raises(InputError, match=r"line 5: the pair '8' is matched with '7'"):
        pair_files(examples[:2], [examples[0], examples[3]])
    with pytest.raises(InputError, match=r"line 2: the pair '7' has 0 rows with the role 'o'"):
        group_by_id(examples, "o")
    with pytest.raises(
        InputError, match=r"line 2: the label '0' is not among the labels of m \(a, b"
    ):
        require_labels([(e.where, e.label) for e in examples], ["a", "b"], "m")
    require_labels([(e.where, e.label) for e in examples], ["1", "0"], "m")
    assert Counter(e.label for e in examples) == {"0": 2, "1": 2}
