"""Tasks of one's own from their files to predictions, through the command line."""

import csv
import json

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from cline_fairseq.evaluation.finetuning.kept_settings import data_digest
from cline_fairseq.inference import Predictor
from glue_files import write_task
from helpers import TOKENIZER
from helpers import train_command as pretrain_command
from programs import run

SHORT = ("--max-epoch", 8, "--lr", "1e-2", "--batch-size", 8, "--num-workers", 0)


@pytest.fixture(scope="module")
def pretrained(corpus, tmp_path_factory):
    save_dir = tmp_path_factory.mktemp("pretrained")
    options = ("--max-update", 2, "--disable-validation", "--max-positions", 100)
    run(*pretrain_command(corpus, save_dir, *options))
    return save_dir / "checkpoint_last.pt"


@pytest.fixture(scope="module")
def files(tmp_path_factory, texts):
    """The examples of two GLUE tasks in other formats."""
    folder = tmp_path_factory.mktemp("files")
    reviews = write_task(folder / "raw", "SST-2", texts, 1)
    for split, examples in reviews.items():
        with (folder / f"{split}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = [(label, text.strip()) for (text,), label in examples]
            csv.writer(file).writerows([("sentiment", "review"), *rows])
    pairs = write_task(folder / "raw", "STS-B", texts, 1)
    for split, examples in pairs.items():
        rows = [{"a": a, "b": b, "score": float(label)} for (a, b), label in examples]
        if split == "test":
            rows = [{"a": row["a"], "b": row["b"]} for row in rows]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(text)
    return folder, reviews, pairs


def command(files, pretrained, save, ending="csv", *options):
    parts = [(f"--{split}", files[0] / f"{split}.{ending}") for split in ("train", "valid", "test")]
    columns = ("--text-column", "review", "--label-column", "sentiment")
    if ending == "jsonl":
        columns = ("--text-column", "a", "--text2-column", "b", "--label-column", "score")
        columns += ("--regression",)
    return (
        *("scripts/finetune.py", "--checkpoint", pretrained, "--save", save, *SHORT, *columns),
        *(word for part in parts for word in part),
        *options,
    )


@pytest.fixture(scope="module")
def tuned(files, pretrained, tmp_path_factory):
    """A task with classes, tuned."""
    save = tmp_path_factory.mktemp("runs") / "reviews"
    return save, run(*command(files, pretrained, save))


def read_tsv(path):
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    return header.split("\t"), [row.split("\t") for row in rows]


def test_classes(files, tuned):
    """Metrics are what scikit-learn makes of the predictions; the label can be seen in the text."""
    save, done = tuned
    folder = save / "seed1"
    result = json.loads((folder / "result.json").read_text())
    assert result["task"] == "reviews"
    assert list(result["metrics"]) == ["valid", "test"]
    for split, found in result["metrics"].items():
        header, rows = read_tsv(folder / f"predictions.{split}.tsv")
        assert header == ["index", "gold", "prediction"]
        gold, predicted = [row[1] for row in rows], [row[2] for row in rows]
        assert gold == [label for _, label in files[1][split]]
        assert found == pytest.approx(
            {
                "accuracy": sklearn_metrics.accuracy_score(gold, predicted),
                "macro_f1": sklearn_metrics.f1_score(gold, predicted, average="macro"),
            }
        )
    assert result["metrics"]["valid"]["accuracy"] > 0.7
    assert "reviews, seed 1: valid accuracy" in done.stdout
    assert "reviews train: 48 examples" in done.stdout


def test_data_are_those_of_glue(corpus, files, tuned, tmp_path):
    """The same examples give the same bytes, whichever program binarizes them."""
    run(
        *("scripts/glue_preprocess.py", "--glue-dir", files[0] / "raw", "--dest", tmp_path),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
        *("--dict", corpus / "dict.txt", "--tasks", "SST-2"),
    )
    assert data_digest(tuned[0] / "data") == data_digest(tmp_path / "SST-2")


def test_the_checkpoint_labels_texts(files, tuned):
    save, _ = tuned
    predictor = Predictor.from_checkpoint(save / "seed1" / "checkpoint_best.pt", device="cpu")
    texts = [text for (text,), _ in files[1]["test"]]
    _, rows = read_tsv(save / "seed1" / "predictions.test.tsv")
    assert list(predictor.predict(texts)) == [row[2] for row in rows]


def test_a_rerun_changes_nothing(files, pretrained, tuned):
    save, _ = tuned
    before = {path: path.stat().st_mtime_ns for path in save.rglob("*")}
    again = run(*command(files, pretrained, save))
    assert "(finished already)" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in save.rglob("*")} == before
    other = command(files, pretrained, save, "csv", "--train", files[0] / "valid.csv")
    result = run(*other, check=False)
    assert result.returncode == 1
    assert "train.csv" not in result.stderr
    assert "valid.csv has changed): pass another --save" in result.stderr
    result = run(*command(files, pretrained, save, "csv", "--quoting", "none"), check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert {path: path.stat().st_mtime_ns for path in save.rglob("*")} == before


def test_numbers(files, pretrained, tmp_path):
    """Pairs, and a test file without labels."""
    run(*command(files, pretrained, tmp_path / "pairs", "jsonl"))
    folder = tmp_path / "pairs" / "seed1"
    result = json.loads((folder / "result.json").read_text())
    _, rows = read_tsv(folder / "predictions.valid.tsv")
    gold, predicted = (np.array([float(row[i]) for row in rows]) for i in (1, 2))
    assert gold == pytest.approx([float(label) for _, label in files[2]["valid"]], abs=1e-5)
    expected = {
        "pearson": stats.pearsonr(gold, predicted).statistic,
        "spearman": stats.spearmanr(gold, predicted).statistic,
    }
    assert result["metrics"] == {"valid": pytest.approx(expected, abs=1e-4)}
    assert expected["pearson"] > 0.4
    header, rows = read_tsv(folder / "predictions.test.tsv")
    assert header == ["index", "prediction"]
    assert len(rows) == len(files[2]["test"])


@pytest.mark.slow
def test_sweep(files, pretrained, tmp_path):
    """All rates are run; the best on the dev set is chosen, said, recorded, reported and tested."""
    save = tmp_path / "reviews"
    options = ("--lr", "1e-7,1e-2", "--seeds", "1,2", "--max-epoch", 6)
    arguments = command(files, pretrained, save, "csv", *options)
    done = run(*arguments)
    scores = {}
    for rate in (1e-7, 1e-2):
        for seed in (1, 2):
            result = json.loads((save / f"lr-{rate!r}" / f"seed{seed}" / "result.json").read_text())
            assert result["settings"]["lr"] == rate
            scores.setdefault(rate, []).append(np.mean(list(result["metrics"]["valid"].values())))
            assert result["sweep"]["chosen_lr"] == 1e-2
            assert ("test" in result["metrics"]) == (rate == 1e-2)
    assert np.mean(scores[1e-2]) > np.mean(scores[1e-7])
    sweep = json.loads((save / "sweep.json").read_text())
    assert (sweep["chosen_lr"], sweep["chosen_folder"]) == (1e-2, "lr-0.01")
    for entry in sweep["rates"]:
        assert entry["dev_scores"] == pytest.approx(scores[entry["lr"]])
        assert entry["mean"] == pytest.approx(np.mean(scores[entry["lr"]]))
    assert "chosen learning rate: 0.01 (mean dev score by learning rate: 1e-07: " in done.stdout
    report = run("scripts/glue_report.py", save)
    assert "| reviews | accuracy |" in report.stdout
    assert "| reviews test | accuracy |" in report.stdout
    before = {path: path.stat().st_mtime_ns for path in save.rglob("*") if path.is_file()}
    assert "chosen learning rate: 0.01" in run(*arguments).stdout
    unchanged = {path: path.stat().st_mtime_ns for path in save.rglob("*") if path.is_file()}
    del before[save / "sweep.json"], unchanged[save / "sweep.json"]
    assert unchanged == before
    result = run(*command(files, pretrained, save, "csv", "--lr", "1e-2"), check=False)
    assert result.returncode == 1
    assert "reviews holds runs of a sweep: pass the same --lr as those" in result.stderr


def test_one_rate_does_not_become_a_sweep(files, pretrained, tuned):
    save, _ = tuned
    result = run(*command(files, pretrained, save, "csv", "--lr", "1e-2,1e-3"), check=False)
    assert result.returncode == 1
    assert "reviews holds runs with one learning rate: pass the same --lr as those" in result.stderr


@pytest.mark.slow
def test_bad_input(corpus, files, pretrained, tmp_path):
    """One sentence each, and nothing is written."""
    (tmp_path / "empty.csv").write_text("review,sentiment\n")
    (tmp_path / "other.csv").write_text("review,sentiment\na film,neutral\n")
    (tmp_path / "dict.txt").write_text("a 1\n")
    save = tmp_path / "runs" / "a"
    cases = [
        (["--valid", tmp_path / "empty.csv"], "empty.csv contains no examples"),
        (["--valid", tmp_path / "other.csv"], "the label 'neutral' is not among the labels of"),
        (["--test", tmp_path / "no.csv"], "error: no file"),
        (["--text-column", "text"], "no column 'text' among 'sentiment', 'review'"),
        (["--name", "RTE"], "'RTE' cannot be the name of a task of your own"),
        (["--data", tmp_path], "dict.txt has 6 symbols, and"),
        (["--update-freq", "3"], "error: --batch-size 8 cannot be divided by 1 GPUs x"),
        (["--max-tokens", "100"], "error: with --max-tokens the updates are not known"),
        (["--gpus", "99"], "error: --gpus 99 is not available here"),
    ]
    for options, message in cases:
        result = run(*command(files, pretrained, save, "csv", *options), check=False)
        assert result.returncode == 1, options
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert not save.parent.exists()
