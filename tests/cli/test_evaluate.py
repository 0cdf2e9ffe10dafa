"""The programs of evaluation on texts, with tiny classifiers."""

import csv
import json
import logging
import runpy
import sys

import pytest
import torch

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation import Predictor
from helpers import TOKENIZER
from programs import ROOT, run
from tiny_models import binarize_tasks, save_classifier, save_encoder


@pytest.fixture(scope="module")
def glue(corpus, tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("glue")
    return binarize_tasks(folder, corpus, ("SST-2", "MNLI", "RTE"), texts)[0]


@pytest.fixture(scope="module")
def models(corpus, glue, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "sst": save_classifier(folder / "sst.pt", glue / "SST-2", 2),
        "other": save_classifier(folder / "other.pt", glue / "SST-2", 2, "cline_base", "--seed", 2),
        "mnli": save_classifier(folder / "mnli.pt", glue / "MNLI", 3, "roberta_base"),
        "encoder": save_encoder(folder / "encoder.pt", corpus / "bin"),
    }


@pytest.fixture(scope="module")
def subwords(corpus):
    return ["--bpe", "sentencepiece", "--sentencepiece-model", str(corpus / TOKENIZER)]


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a program in this process; what it prints."""

    def run_program(script, *arguments):
        command = [script, *map(str, arguments)]
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # it is set anew, put it back
        monkeypatch.setattr(sys, "argv", command)
        try:
            runpy.run_path(str(ROOT / "scripts" / script), run_name="__main__")
        finally:
            logging.disable(logging.NOTSET)
        return capsys.readouterr().out

    return run_program


def load(corpus, checkpoint, data):
    files = {"bpe": "sentencepiece", "sentencepiece_model": corpus / TOKENIZER}
    return Predictor.from_checkpoint(checkpoint, data, **files)


@pytest.fixture(scope="module")
def pairs(texts, tmp_path_factory):
    """A paired file of 30 sets, and the rows in it."""
    rows = []
    for i in range(30):
        for label, sign in (("Good", "the best"), ("Bad", "no good")):
            text = f'{sign} "{i}" {texts[i]}'
            rows.append([label, text, f"set {i}", "long" if i % 3 else "short"])
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        header = ("Sentiment", "Text", "batch", "kind")
        csv.writer(file, "excel-tab").writerows([header, *rows])
    return path, rows


def contrast_options(pairs):
    """The checkpoints record their data, and the tokenizer is in its folder."""
    return [
        *("--paired", pairs[0], "--pair-column", "batch"),
        *("--text-column", "Text", "--label-column", "Sentiment", "--labels", "Good=1,Bad=0"),
    ]


@pytest.mark.slow
def test_contrast(corpus, glue, models, pairs, tmp_path):
    """Two checkpoints side by side; the numbers are those of their predictions."""
    result = run(
        *("scripts/evaluate_contrast.py", *contrast_options(pairs)),
        *("--checkpoint", f"one={models['sst']}", "--checkpoint", f"two={models['other']}"),
        *("--group-column", "kind", "--resamples", 200),
        *("--json", tmp_path / "a.json", "--unmoved", tmp_path / "a.tsv"),
    )
    found = json.loads((tmp_path / "a.json").read_text())["checkpoints"]
    with (tmp_path / "a.tsv").open(encoding="utf-8", newline="") as file:
        unmoved = list(csv.DictReader(file, dialect="excel-tab"))
    rows = pairs[1]
    for entry, name, path in zip(found, ("one", "two"), ("sst", "other"), strict=True):
        predictor = load(corpus, models[path], glue / "SST-2")
        predicted = predictor.predict([text for _, text, _, _ in rows])
        gold = [{"Good": "1", "Bad": "0"}[label] for label, _, _, _ in rows]
        right = [p == g for p, g in zip(predicted, gold, strict=True)]
        both = [a and b for a, b in zip(right[::2], right[1::2], strict=True)]
        scores = entry["scores"]
        assert entry["name"] == name
        assert scores["original"]["value"] == pytest.approx(sum(right[::2]) / 30)
        assert scores["contrast"]["value"] == pytest.approx(sum(right[1::2]) / 30)
        assert scores["consistency"]["value"] == pytest.approx(sum(both) / 30)
        short = entry["groups"]["short"]["consistency"]["value"]
        assert short == pytest.approx(sum(both[::3]) / 10)
        still = [i for i in range(30) if predicted[2 * i] == predicted[2 * i + 1]]
        lines = [row for row in unmoved if row["checkpoint"] == name]
        assert [row["set"] for row in lines] == [f"set {i}" for i in still]
        assert [row["contrast_text"] for row in lines] == [rows[2 * i + 1][1] for i in still]
        assert entry["unmoved"] == len(still)
        percent = 100 * scores["consistency"]["value"]
        assert f"| {percent:.1f} (" in result.stdout
        assert f"| {len(still)} of 30 |" in result.stdout
    assert "30 contrast sets, 60 texts." in result.stdout
    assert "| short | 10 | two |" in result.stdout


def test_contrast_of_two_files(glue, models, subwords, tmp_path, call):
    """Pairs of texts as JSON lines, and labels as the model has them."""
    paths = []
    for name in ("originals", "contrasts"):
        rows = [
            {"premise": f"text {i}", "hypothesis": f"{name} {i}", "label": "neutral"}
            for i in range(4)
        ]
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("\n".join(map(json.dumps, rows)))
    options = (
        *("--originals", paths[0], "--contrasts", paths[1], "--text-column", "premise"),
        *("--text2-column", "hypothesis", "--data", glue / "MNLI", *subwords),
    )
    script = "evaluate_contrast.py"
    out = call(script, *options, "--checkpoint", models["mnli"], "--unmoved", tmp_path / "u.tsv")
    assert "4 contrast sets, 8 texts." in out
    assert "| 0 of 0 |" in out
    assert (tmp_path / "u.tsv").read_text().count("\n") == 1
    with pytest.raises(InputError, match="'neutral' is not among the labels of x"):
        call(script, *options, "--data", glue / "RTE", "--checkpoint", f"x={rte(glue, tmp_path)}")


def rte(glue, folder):
    return save_classifier(folder / "rte.pt", glue / "RTE", 2)


def test_bad_contrast(models, pairs, tmp_path, call):
    """All of it leaves nothing."""
    script, good = "evaluate_contrast.py", contrast_options(pairs)
    out = ("--json", tmp_path / "a.json", "--unmoved", tmp_path / "a.tsv")
    model = ("--checkpoint", models["sst"])
    cases = [
        (("--checkpoint", "x=nowhere.pt"), MissingFileError, "no checkpoint nowhere"),
        (
            ("--checkpoint", models["encoder"]),
            InputError,
            "is an encoder without a classification head",
        ),
        ((*model, "--labels", "Good=1"), InputError, "line 3: the label 'Bad' is not one of Good"),
        ((*model, "--labels", "Good=1,Bad=2"), InputError, "line 3: the label '2' is not among"),
        ((*model, "--group-column", "sort"), InputError, "no column 'sort'"),
        ((*model, "--text-column", "text"), InputError, "specify with --text-column"),
        ((*model, "--sentencepiece-model", pairs[0]), InputError, "is not a SentencePiece model"),
        ((*model, *model), InputError, "give each --checkpoint a name of its own"),
        ((*model, "--resamples", 0), InputError, "--resamples must be at least 1"),
    ]
    for options, error, message in cases:
        with pytest.raises(error, match=message):
            call(script, *good, *out, *options)
    for options in (
        (*model, "--originals", pairs[0]),
        (*model, "--labels", "Good"),
        ("--checkpoint", "=a.pt"),
    ):
        with pytest.raises(SystemExit):
            call(script, *good, *out, *options)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def advglue(tmp_path_factory):
    path = tmp_path_factory.mktemp("advglue") / "dev_ann.json"
    sst = [
        {
            "idx": i,
            "sentence": f"a text {i}",
            "label": i % 2,
            "method": "CheckList",
            **({"original_sentence": f"one text {i}"} if i % 3 else {}),
        }
        for i in range(12)
    ]
    mnli = [{"premise": f"a {i}", "hypothesis": "an a", "label": i % 3} for i in range(9)]
    path.write_text(json.dumps({"sst2": sst, "mnli": mnli, "mnli-mm": mnli[:5]}))
    return path, sst, mnli


@pytest.mark.slow
def test_advglue(corpus, glue, models, advglue, tmp_path):
    """Numbers are those of the predictions, labels by their names; what is missing is shown."""
    path, sst, mnli = advglue
    result = run(
        *("scripts/evaluate_advglue.py", "--file", path),
        *("--checkpoint", f"a:sst2={models['sst']}", "--checkpoint", f"a:mnli={models['mnli']}"),
        *("--checkpoint", f"b:sst2={models['other']}", "--json", tmp_path / "a.json"),
        *("--resamples", 200),
    )
    found = json.loads((tmp_path / "a.json").read_text())["results"]
    found = {(entry["model"], entry["task"]): entry for entry in found}
    for name, model in (("a", "sst"), ("b", "other")):
        predictor = load(corpus, models[model], glue / "SST-2")
        attacked = predictor.predict([row["sentence"] for row in sst])
        right = [p == str(row["label"]) for p, row in zip(attacked, sst, strict=True)]
        rows = [row for row in sst if "original_sentence" in row]
        before = predictor.predict([row["original_sentence"] for row in rows])
        clean = [p == str(row["label"]) for p, row in zip(before, rows, strict=True)]
        entry = found[name, "sst2"]
        assert entry["scores"] == entry["methods"]["CheckList"]
        assert entry["scores"]["adversarial"]["value"] == pytest.approx(sum(right) / 12)
        assert entry["scores"]["original"]["value"] == pytest.approx(sum(clean) / 8)
    names = ["entailment", "neutral", "contradiction"]
    predicted = load(corpus, models["mnli"], glue / "MNLI").predict(
        [(row["premise"], row["hypothesis"]) for row in mnli]
    )
    right = [p == names[row["label"]] for p, row in zip(predicted, mnli, strict=True)]
    for task, count in (("mnli", 9), ("mnli-mm", 5)):
        value = found["a", task]["scores"]["adversarial"]["value"]
        assert value == pytest.approx(sum(right[:count]) / count)
        assert found["b", task]["scores"] is None
        assert f"| {task} | b | missing |" in result.stdout
    assert "| qqp | a | missing |" in result.stdout


def test_bad_advglue(glue, models, subwords, advglue, tmp_path, call):
    script = "evaluate_advglue.py"
    good = ("--file", advglue[0], "--data", glue, *subwords, "--json", tmp_path / "a.json")
    cases = [
        (f"sst2={models['encoder']}", InputError, "is an encoder without a classification head"),
        ("sst2=nowhere.pt", MissingFileError, "no checkpoint nowhere"),
        (f"mnli={models['sst']}", InputError, "labels .* was trained on 2 classes"),
        (f"rte={models['sst']}", InputError, "has no examples of rte: leave it out"),
        (f"qqp={models['sst']}", InputError, "has no examples of qqp: leave it out"),
        (f"cola={models['sst']}", SystemExit, None),
    ]
    for checkpoint, error, message in cases:
        with pytest.raises(error, match=message):
            call(script, *good, "--checkpoint", checkpoint)
    assert not list(tmp_path.iterdir())


def test_benchmark(corpus, models, monkeypatch, call):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    command = ("benchmark.py", "evaluate", "--json")
    options = ("--text", corpus / "valid.txt", "--texts", 40, "--repeats", 1)
    threads = torch.get_num_threads()
    try:
        out = call(*command, *options, "--checkpoint", models["sst"])
        with pytest.raises(InputError, match="is an encoder without a classification head"):
            call(*command, *options, "--checkpoint", models["encoder"])
    finally:
        torch.set_num_threads(threads)
    figures = json.loads(out)
    for name in ("predictor: texts/s", "fairseq's interface: texts/s", "times faster"):
        assert figures[name] > 0
