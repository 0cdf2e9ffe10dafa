"""Published contrast sets, in small files of the published formats and in the real ones."""

import csv
import json
import os
from pathlib import Path

import pytest

from cline_fairseq.cli.evaluate_contrast import _parse_args, read_sets
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation.contrast import all_examples, count_moving
from cline_fairseq.evaluation.published_sets import PUBLISHED


def read(name, folder, *options):
    files = ("--set", name, "--set-dir", folder) if name else ()
    return read_sets(_parse_args([*map(str, ("--checkpoint", "a.pt", *files, *options))]))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_table(path, header, rows, dialect="excel-tab"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, dialect, lineterminator="\n").writerows([header, *rows])
    return path


def boolq_entry(question, answer, *perturbed):
    return {
        "title": "A title",
        "paragraph": f"Paragraph of {question}.",
        "question": question,
        "answer": answer,
        "perturbed_questions": [{"perturbed_q": q, "answer": a} for q, a in perturbed],
    }


def test_boolq(tmp_path):
    """The template and entries without perturbed questions are left out."""
    entries = [
        boolq_entry("Question", "Gold Answer", ("Perturbed Q", "New Answer")),
        boolq_entry("is a", "TRUE", ("is b", "FALSE"), ("", ""), ("is c", "TRUE")),
        boolq_entry("is d", "FALSE", ("", "")),
        boolq_entry("is a", "TRUE", ("is e", "FALSE")),
    ]
    path = write(tmp_path / "boolq_perturbed.json", json.dumps({"data": entries}))
    sets, left_out = read("boolq", tmp_path, "--labels", "TRUE=1,FALSE=0")
    assert [[(e.text[0], e.label) for e in all_examples([one])] for one in sets] == [
        [("is a", "1"), ("is b", "0"), ("is c", "1")],
        [("is a", "1"), ("is e", "0")],
    ]
    assert all(e.text[1] == "Paragraph of is a." for e in all_examples(sets))
    assert left_out == {"questions without perturbed questions": 1}
    swapped = ("--original-text-column", "paragraph", "--contrast-text-column", "paragraph")
    swapped += ("--original-text2-column", "question", "--contrast-text2-column", "perturbed_q")
    sets, _ = read("boolq", tmp_path, *swapped)
    assert sets[0].contrasts[0].text == ("Paragraph of is a.", "is b")
    for text in ("[]", '{"data": [0, {"title": "a"}]}', "{", '{"data": 1}'):
        write(path, text)
        with pytest.raises(InputError, match=r"perturbed\.json is not BoolQ's contrast sets"):
            read("boolq", tmp_path)


def test_perspectrum(tmp_path):
    """One CSV; rows whose perspective is not relevant have no stance, and are left out."""
    header = ["original_claim", "contrast_claim", "perspective", "original_relevance_label"]
    header += ["original_stance_label", "contrast_relevance_label", "contrast_stance_label"]
    rows = [
        ['A, "b"', "Not a", "since, c", "1", "pos", "1", "neg"],
        ['A, "b"', "Not a", "unrelated", "0", "unk", "0", "unk"],
        ['A, "b"', "Not a", "since d", "1", "neg", "1", "pos"],
    ]
    folder = tmp_path / "perspectrum"
    write_table(folder / "perspectrum_minimal_pairs.csv", header, rows, "excel")
    for place in (tmp_path, folder):
        sets, left_out = read("perspectrum", place)
        assert [[e.text for e in all_examples([one])] for one in sets] == [
            [('A, "b"', "since, c"), ("Not a", "since, c")],
            [('A, "b"', "since d"), ("Not a", "since d")],
        ]
        assert [e.label for e in all_examples(sets)] == ["pos", "neg", "neg", "pos"]
        assert left_out == {"rows with the label unk": 1}
    relevance = [
        f"--{kind}-label-column={kind}_relevance_label" for kind in ("original", "contrast")
    ]
    sets, left_out = read("perspectrum", tmp_path, *relevance)
    assert [e.label for e in all_examples(sets)] == ["1", "1", "0", "0", "1", "1"]
    assert left_out == {}


def test_imdb(tmp_path):
    """Line breaks of HTML, and texts that were quoted twice."""
    twice = '"A ""good"" film.<br /><br />Yes."'
    for name, label, texts in (
        ("original", "Positive", [twice, 'Say "good".', "plain <br/>text"]),
        ("contrast", "Negative", [twice.replace("good", "bad"), '"Bad"', "text"]),
    ):
        rows = [(label, text) for text in texts]
        path = tmp_path / "IMDb" / "data" / f"dev_{name}.tsv"
        write_table(path, ("Sentiment", "Text"), rows)
    sets, _ = read("imdb", tmp_path / "IMDb", "--split", "dev", "--labels", "Negative=0,Positive=1")
    assert [e.text for e in all_examples(sets)] == [
        *('A "good" film. Yes.', 'A "bad" film. Yes.'),
        *('Say "good".', '"Bad"', "plain text", "text"),
    ]
    assert [e.label for e in all_examples(sets)] == ["1", "0"] * 3
    sets, _ = read("imdb", tmp_path, "--split", "dev", "--no-replace-breaks")
    assert sets[0].original.text == 'A "good" film.<br /><br />Yes.'
    with pytest.raises(MissingFileError, match=r"no IMDb/data/test_original.tsv in .*--set-dir"):
        read("imdb", tmp_path)


def test_counterfactual_sets(tmp_path):
    rows = [("Negative", "bad<br />film", 7), ("Positive", "good film", 7)]
    header = ("Sentiment", "Text", "batch_id")
    write_table(tmp_path / "sentiment/combined/paired/test_paired.tsv", header, rows)
    ((_, _, original, contrasts),), _ = read("imdb-counterfactual", tmp_path)
    assert [(e.text, e.label) for e in (original, *contrasts)] == [
        ("bad film", "Negative"),
        ("good film", "Positive"),
    ]
    header = ("sentence1", "sentence2", "gold_label")
    originals = [(f'"p" {i}', f"h {i}", "entailment") for i in range(3)]
    write_table(tmp_path / "NLI/original/test.tsv", header, originals)
    revised = [(f"p {i}", f"h {i} {k}", "neutral") for i in range(3) for k in range(4)]
    write_table(tmp_path / "NLI/revised_combined/test.tsv", header, revised)
    for folder in (tmp_path, tmp_path / "NLI"):
        sets, _ = read("nli-counterfactual", folder)
        assert [one.original.text for one in sets] == [o[:2] for o in originals]
        assert [c.text for one in sets for c in one.contrasts] == [r[:2] for r in revised]
    write_table(tmp_path / "NLI/revised_combined/test.tsv", header, revised[:-1])
    with pytest.raises(InputError, match=r"3 examples, .* has 11"):
        read("nli-counterfactual", tmp_path)


def test_mctaco(tmp_path):
    """Its indices drift apart, since answers were removed, added and edited."""
    original = [
        *(("When?", "at noon", "yes"), ("When?", "at 3", "no"), ("When?", '"never"', "no")),
        *(("How long?", "a day", "yes"), ("How long?", "a year", "no")),
        *(("Often?", "yes", "yes"), ("Where?", "yes", "no"), ("Where?", "here", "yes")),
    ]
    changed = [
        *(("When not?", "at noon", "no"), ("When not?", '"never"', "yes ")),
        *(("So how long?", "a day", "no"), ("So how long?", "a week", "yes")),
        *(("So how long?", "a year", "yes"), ("Where then?", "yes", "no")),
        ("Where then?", "here", "no"),
    ]
    for name, rows in (("original", original), ("changed", changed)):
        lines = ["\t".join(map(str, (i, *row))) for i, row in enumerate(rows)]
        text = "\n".join(["index\tsentence1\tsentence2\tlabel", *lines, ""])
        write(tmp_path / f"{name}.tsv", text)
    sets, left_out = read("mctaco", tmp_path)
    found = [(one.original.text, [c.text for c in one.contrasts]) for one in sets]
    expected = [
        (("When?", "at noon"), [("When not?", "at noon")]),
        (("When?", '"never"'), [("When not?", '"never"')]),
        (("How long?", "a day"), [("So how long?", "a day")]),
        (("How long?", "a year"), [("So how long?", "a year")]),
        (("Where?", "yes"), [("Where then?", "yes")]),
        (("Where?", "here"), [("Where then?", "here")]),
    ]
    assert found == expected
    assert count_moving(sets) == 5
    assert left_out == {
        "rows of original.tsv without a partner": 2,
        "rows of changed.tsv without a partner": 1,
    }


def write_all(folder):
    """A little of each published set."""
    entries = [boolq_entry("Q", "A", ("P", "N")), boolq_entry("is a", "TRUE", ("is b", "FALSE"))]
    write(folder / "BoolQ/boolq_perturbed.json", json.dumps({"data": entries}))
    header = ("original_claim", "contrast_claim", "perspective")
    header += ("original_stance_label", "contrast_stance_label")
    path = folder / "perspectrum/perspectrum_minimal_pairs.csv"
    write_table(path, header, [("A", "B", "C", "pos", "neg")] * 2, "excel")
    for name, label in (("original", "Positive"), ("contrast", "Negative")):
        path = folder / f"IMDb/data/test_{name}.tsv"
        write_table(path, ("Sentiment", "Text"), [(label, "a film")] * 2)
    path = folder / "sentiment/combined/paired/test_paired.tsv"
    write_table(
        path, ("Sentiment", "Text", "batch_id"), [("Negative", "a", 1), ("Positive", "b", 1)]
    )
    for name, count in (("original", 2), ("revised_combined", 8)):
        rows = [("p", f"h {i}", "neutral") for i in range(count)]
        path = folder / "NLI" / name / "test.tsv"
        write_table(path, ("sentence1", "sentence2", "gold_label"), rows)
    for name in ("original", "changed"):
        rows = [(i, f"When {name}?", f"at {i}", "yes") for i in range(2)]
        path = folder / "MCTACO" / f"{name}.tsv"
        write_table(path, ("index", "sentence1", "sentence2", "label"), rows)


BREAKING = {
    "not UTF-8": lambda data: data[:-3] + b"\xe9" + data[-3:],
    "empty": lambda data: b"",
    "only a header": lambda data: data.split(b"\n")[0][:60] + b"\n",
    "other columns": lambda data: data.replace(data[:60], data[:60].upper()),
    "a short row": lambda data: data + b"x\n",
}


@pytest.mark.parametrize("how", BREAKING)
@pytest.mark.parametrize("name", PUBLISHED)
def test_broken_files(tmp_path, name, how):
    """One sentence, which names the file that is broken."""
    write_all(tmp_path)
    assert read(name, tmp_path)[0]
    for path in PUBLISHED[name].paths(tmp_path, "test").values():
        data = path.read_bytes()
        path.write_bytes(BREAKING[how](data))
        with pytest.raises(InputError) as error:
            read(name, tmp_path)
        message = str(error.value)
        assert message.startswith(str(path)), message
        assert ": " in message
        assert "\n" not in message
        path.write_bytes(data)


def test_wide_rows_of_ones_own(tmp_path):
    """Columns for each side, or shared; rows with one id are contrasts of one original."""
    rows = [("1", "a", "b", "x", "y"), ("1", "a", "c", "x", "x"), ("2", "a", "d", "x", "y")]
    path = write_table(tmp_path / "a.tsv", ("id", "t", "u", "label", "new"), rows)
    columns = ("--wide", path, "--text-column", "t", "--contrast-text-column", "u")
    columns += ("--contrast-label-column", "new")
    sets, left_out = read(None, None, *columns)
    assert [[e.text for e in all_examples([one])] for one in sets] == [["a", c] for c in "bcd"]
    assert left_out == {}
    sets, _ = read(None, None, *columns, "--pair-column", "id", "--labels", "x=0,y=1")
    assert [[e.text for e in all_examples([one])] for one in sets] == [list("abc"), list("ad")]
    assert [e.label for e in all_examples(sets)] == list("01001")
    with pytest.raises(InputError, match=r"line 2: no 'v' among .*--contrast-text-column"):
        read(None, None, *columns, "--contrast-text-column", "v")
    with pytest.raises(InputError, match="contains no examples"):
        read(None, None, *columns, "--skip-label", "x")
    write_table(path, ("id", "t", "u", "label", "new"), [rows[0], ("1", "b", "c", "x", "x")])
    with pytest.raises(InputError, match=r"line 3: the pair '1' has another original .*line 2"):
        read(None, None, *columns, "--pair-column", "id")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "boolq"), "--set needs --set-dir"),
        (("--set", "boolq", "--set-dir", ".", "--wide", "a"), "takes no other files"),
        (("--set-dir", "."), "--set-dir needs --set"),
        (("--paired", "a", "--wide", "b"), "pass --set, --paired"),
        (("--originals", "a"), "pass --set, --paired"),
        ((), "pass --set, --paired"),
    ],
)
def test_options_that_do_not_fit(options, message, capsys):
    with pytest.raises(SystemExit):
        read(None, None, *options)
    assert message in capsys.readouterr().err


SIZES = {  # sets and contrasts in the published files
    "imdb-counterfactual": (488, 488),
    "imdb": (488, 488),
    "nli-counterfactual": (400, 1600),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files(name):
    """Those in a folder of $CONTRAST_SETS with the name of the set."""
    folder = Path(os.environ.get("CONTRAST_SETS", "missing")) / name
    try:
        sets, _ = read(name, folder)
    except MissingFileError as error:
        pytest.skip(f"set CONTRAST_SETS to read the published files: {error}")
    examples = all_examples(sets)
    assert len(sets) > 40
    assert len({example.label for example in examples}) <= 3
    texts = [t for e in examples for t in ([e.text] if isinstance(e.text, str) else e.text)]
    assert all(text.strip() and "<br" not in text for text in texts)
    if name in SIZES:
        assert (len(sets), len(examples) - len(sets)) == SIZES[name]
    if name == "imdb-counterfactual":
        assert count_moving(sets) == len(sets)
