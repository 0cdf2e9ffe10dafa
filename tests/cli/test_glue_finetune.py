"""GLUE from raw files to the leaderboard, through the command lines, with a tiny model."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
import yaml
from omegaconf import OmegaConf
from scipy import stats
from sklearn import metrics as sklearn_metrics

from cline_fairseq.checkpoint import ModelDescription
from cline_fairseq.evaluation.finetuning.binarized import predict_split
from cline_fairseq.evaluation.finetuning.recorded_tokenizer import tokenizer_options
from cline_fairseq.evaluation.glue.settings import (
    SETTINGS,
    Machine,
    Settings,
    rate_for_width,
    train_command,
)
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from cline_fairseq.inference import Predictor
from glue_files import SIZES, write_diagnostic, write_task
from helpers import TOKENIZER, stock_roberta
from helpers import train_command as pretrain_command
from programs import ROOT, run

CONFIG = ROOT / "examples" / "glue" / "config"
PRETRAINING = 1e6  # seconds
SHORT = ("--max-epoch", 8, "--lr", "1e-2", "--batch-size", 8, "--num-workers", 0)


@pytest.fixture(scope="module")
def glue(corpus, tmp_path_factory, texts):
    """All tasks, binarized, and their examples."""
    folder = tmp_path_factory.mktemp("glue")
    written = {name: write_task(folder / "raw", name, texts, 1) for name in GLUE_TASKS}
    write_diagnostic(folder / "raw" / "AX" / "AX.tsv", texts)
    run(
        *("scripts/glue_preprocess.py", "--glue-dir", folder / "raw", "--dest", folder / "bin"),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
        *("--dict", corpus / "dict.txt"),
    )
    return folder / "bin", written


@pytest.fixture(scope="module")
def pretrained(corpus, tmp_path_factory):
    """A checkpoint of CLINE with one layer and other positions than usual."""
    save_dir = tmp_path_factory.mktemp("pretrained")
    options = ("--max-update", 2, "--disable-validation", "--max-positions", 100)
    run(*pretrain_command(corpus, save_dir, *options))
    state = torch.load(save_dir / "checkpoint_last.pt")
    state["extra_state"]["previous_training_time"] = PRETRAINING
    torch.save(state, save_dir / "checkpoint_last.pt")
    return save_dir / "checkpoint_last.pt"


def command(glue, task, checkpoint, save, *options):
    return (
        *("scripts/glue_finetune.py", "--task", task, "--data", glue[0] / task),
        *("--checkpoint", checkpoint, "--save", save, *SHORT, *options),
    )


@pytest.fixture(scope="module")
def tuned(glue, pretrained, tmp_path_factory):
    """One task of each kind, tuned when it is first asked for."""
    folder, results = tmp_path_factory.mktemp("runs"), {}

    def tune(task):
        if task not in results:
            sets = "test,ax" if task == "MNLI" else "test"
            arguments = command(glue, task, pretrained, folder / task, "--predict", sets)
            results[task] = run(*arguments)
        return folder / task / "seed1", results[task]

    return tune


def read_tsv(path):
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    return header.split("\t"), [row.split("\t") for row in rows]


@pytest.mark.parametrize(
    ("width", "lr"),
    [(1024, 1e-5), (768, 1e-5), (512, 2.25e-5), (384, 4e-5), (128, 3.6e-4), (32, 5e-4)],
)
def test_narrow_models_get_higher_learning_rates(width, lr):
    assert rate_for_width(SETTINGS["SST-2"].lr, width) == lr


@pytest.mark.parametrize("task", ["CoLA", "MNLI", "STS-B"])
def test_results_are_those_of_the_whole_dev_set(glue, tuned, task):
    """Labels are those of the raw file, and metrics what libraries make of the predictions."""
    folder, done = tuned(task)
    result = json.loads((folder / "result.json").read_text())
    assert set(result["metrics"]) == set(GLUE_TASKS[task].valid_splits)
    for split, found in result["metrics"].items():
        header, rows = read_tsv(folder / f"predictions.{split}.tsv")
        assert header == ["index", "gold", "prediction"]
        gold = [label for _, label in glue[1][task][split]]
        assert [row[0] for row in rows] == [str(i) for i in range(SIZES[split])]
        predicted = [row[2] for row in rows]
        if task == "STS-B":
            gold, predicted = np.array(gold, float), np.array(predicted, float)
            assert [float(row[1]) for row in rows] == pytest.approx(gold)
            expected = {
                "pearson": stats.pearsonr(gold, predicted).statistic,
                "spearman": stats.spearmanr(gold, predicted).statistic,
            }
            assert predicted.min() >= 0
            assert predicted.max() <= 5
        else:
            assert [row[1] for row in rows] == gold
            expected = (
                {"matthews": sklearn_metrics.matthews_corrcoef(gold, predicted)}
                if task == "CoLA"
                else {"accuracy": sklearn_metrics.accuracy_score(gold, predicted)}
            )
        assert found == pytest.approx(expected, abs=1e-4)
        # The label can be seen in the text.
        assert min(found.values()) > 0.4
    assert result["updates"] == 8 * SIZES["train"] // 8
    assert 0 < result["seconds"] < PRETRAINING
    assert f"{task}, seed 1: valid" in done.stdout
    assert {path.name for path in folder.glob("*.pt")} == {"checkpoint_best.pt"}
    bpe = torch.load(folder / "checkpoint_best.pt")["cfg"]["bpe"]
    assert bpe["_name"] == "sentencepiece"
    assert bpe["sentencepiece_model"] == str(glue[0] / task / "sentencepiece.bpe.model")


def test_the_tokenizer_of_the_checkpoint_is_recorded(corpus, pretrained, tmp_path):
    """Where the data have none of their own, as those of fairseq-preprocess."""
    options = ["--bpe", "sentencepiece", "--sentencepiece-model", str(corpus / TOKENIZER)]
    assert tokenizer_options(pretrained, tmp_path, []) == options
    assert tokenizer_options(pretrained, tmp_path, ["--bpe", "gpt2"]) == []


def accept(path, task, size):
    """Whether GLUE would take a file: two columns with this header, all examples in order, and
    labels in the spelling of the task."""
    lines = path.read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert lines.pop(0) == "index\tprediction"
    rows = [line.split("\t") for line in lines]
    assert [row[0] for row in rows] == [str(i) for i in range(size)]
    for _, prediction in rows:
        if task in ("CoLA", "SST-2", "MRPC", "QQP", "WNLI"):
            assert prediction in ("0", "1")
        elif task == "STS-B":
            assert re.fullmatch(r"[0-5]\.[0-9]+", prediction)
            assert 0 <= float(prediction) <= 5
        elif task == "MNLI":
            assert prediction in ("entailment", "neutral", "contradiction")
        else:
            assert prediction in ("entailment", "not_entailment")


@pytest.mark.parametrize("task", ["CoLA", "MNLI", "STS-B"])
def test_leaderboard(glue, tuned, task):
    folder, _ = tuned(task)
    names = {"MNLI": {"MNLI-m.tsv": "test", "MNLI-mm.tsv": "test1"}}
    names = names.get(task, {f"{task}.tsv": "test"})
    diagnostic = {"AX.tsv"} if task == "MNLI" else set()
    assert {path.name for path in (folder / "test").iterdir()} == {*names, *diagnostic}
    for name, split in names.items():
        accept(folder / "test" / name, task, SIZES[split])
        # In order: the words of a text tell its label.
        _, rows = read_tsv(folder / "test" / name)
        gold = [label for _, label in glue[1][task][split]]
        if task == "STS-B":
            predicted = [float(row[1]) for row in rows]
            assert stats.pearsonr(predicted, np.array(gold, float)).statistic > 0.4
        else:
            assert np.mean([row[1] == g for row, g in zip(rows, gold, strict=True)]) > 0.6


def test_diagnostic_set(glue, pretrained, tuned, texts, tmp_path):
    """AX.tsv in GLUE's format, also of a finished run, and of MNLI only."""
    folder, _ = tuned("MNLI")
    path = folder / "test" / "AX.tsv"
    accept(path, "MNLI", SIZES["ax"])
    _, rows = read_tsv(path)
    predictor = Predictor.from_checkpoint(folder / "checkpoint_best.pt", glue[0] / "MNLI")
    pairs = write_diagnostic(tmp_path / "AX.tsv", texts)
    labels = predictor.predict([tuple(text.strip() for text in pair) for pair in pairs])
    assert [row[1] for row in rows] == labels
    assert len(set(labels)) > 1
    before = path.read_bytes()
    path.unlink()
    run(*command(glue, "MNLI", pretrained, folder.parent, "--predict", "ax"))
    assert path.read_bytes() == before
    for task, sets, message in (
        ("CoLA", "ax", "error: CoLA does not have the labels of GLUE's diagnostic set: pass"),
        ("CoLA", "dev", "expected test, ax or test,ax, not 'dev'"),
    ):
        result = run(*command(glue, task, pretrained, tmp_path, "--predict", sets), check=False)
        assert result.returncode != 0
        assert message in result.stderr
    without = shutil.copytree(glue[0] / "MNLI", tmp_path / "MNLI")
    for other in without.rglob("ax.*"):
        other.unlink()
    arguments = command((tmp_path,), "MNLI", pretrained, tmp_path / "runs", "--predict", "test,ax")
    result = run(*arguments, check=False)
    assert result.returncode == 1
    assert "MNLI has no ax split: run cline-fairseq glue-preprocess with AX/AX.tsv" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_zip(tuned, tmp_path):
    for task in ("CoLA", "MNLI", "STS-B"):
        folder, _ = tuned(task)
    submit = ("scripts/glue_submit.py", folder.parent.parent, "--zip", tmp_path / "glue.zip")
    result = run(*submit, check=False)
    assert result.returncode == 1
    assert "error: no SST-2.tsv, MRPC.tsv, QQP.tsv" in result.stderr
    assert not list(tmp_path.iterdir())
    run(*submit, "--allow-missing")
    with zipfile.ZipFile(tmp_path / "glue.zip") as file:
        assert file.namelist() == ["CoLA.tsv", "STS-B.tsv", "MNLI-m.tsv", "MNLI-mm.tsv", "AX.tsv"]
        assert (
            file.read("CoLA.tsv")
            == (folder.parent.parent / "CoLA" / "seed1" / "test" / "CoLA.tsv").read_bytes()
        )


def test_predictions_are_those_of_single_examples(glue, tuned):
    """One by one, put together by hand from the binarized files."""
    from fairseq.data import data_utils

    from cline_fairseq.checkpoint import label_names
    from cline_fairseq.evaluation.finetuning.binarized import load_classifier

    folder, _ = tuned("MNLI")
    data = glue[0] / "MNLI"
    model, task = load_classifier(folder / "checkpoint_best.pt", data)
    predictions = predict_split(model, task, "valid", max_tokens=100)
    first, second = (
        data_utils.load_indexed_dataset(str(data / name / "valid"), None)
        for name in ("input0", "input1")
    )
    for i in range(len(first)):
        tokens = torch.cat([torch.tensor([0]), first[i], torch.tensor([2]), second[i]])
        with torch.no_grad():
            head = task.cfg.classification_head_name
            logits, _ = model(tokens[None].long(), classification_head_name=head)
        np.testing.assert_allclose(predictions.scores[i], logits[0], atol=1e-4)
    whole = predict_split(model, task, "valid")
    np.testing.assert_allclose(whole.scores, predictions.scores, atol=1e-4)
    names = label_names(task, predictions.gold)
    assert names == [label for _, label in glue[1]["MNLI"]["valid"]]
    assert predict_split(model, task, "test").gold is None


def test_finished_runs_are_skipped(glue, pretrained, tuned):
    folder, _ = tuned("CoLA")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = run(*command(glue, "CoLA", pretrained, folder.parent, "--predict", "test"))
    assert "(finished already)" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    options = ("--lr", "1e-4")
    other = run(*command(glue, "CoLA", pretrained, folder.parent, *options), check=False)
    assert other.returncode == 1
    assert "holds a run with other settings (lr 0.01, now 0.0001)" in other.stderr


@pytest.mark.slow
def test_killed_runs_go_on(glue, pretrained, tuned, tmp_path):
    """kill -9 after an epoch or two; the result is that of a run that was not interrupted."""
    whole, _ = tuned("CoLA")
    arguments = [str(part) for part in command(glue, "CoLA", pretrained, tmp_path)]
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        last = tmp_path / "seed1" / "checkpoint_last.pt"
        while process.poll() is None and not last.exists():
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
    seconds = torch.load(last)["extra_state"]["previous_training_time"]
    assert not (tmp_path / "seed1" / "result.json").exists()
    run(*arguments)
    log = (tmp_path / "seed1" / "train.log").read_text()
    assert "Loaded checkpoint" in log.split("loading pretrained model from")[-1]
    # The seconds go on from those of the checkpoint that the first part left.
    result = json.loads((tmp_path / "seed1" / "result.json").read_text())
    assert seconds < result["seconds"] < PRETRAINING
    results = [json.loads((f / "result.json").read_text()) for f in (whole, tmp_path / "seed1")]
    for name in ("metrics", "updates", "best_update"):
        assert results[0][name] == results[1][name]
    files = [(f / "predictions.valid.tsv").read_bytes() for f in (whole, tmp_path / "seed1")]
    assert files[0] == files[1]


@pytest.mark.slow
def test_from_another_task(glue, tuned, tmp_path):
    """From a classifier with three classes to one with two, and two seeds."""
    folder, _ = tuned("MNLI")
    best = folder / "checkpoint_best.pt"
    options = ("--max-epoch", 1, "--seeds", "1,2")
    result = run(*command(glue, "RTE", best, tmp_path, *options))
    for seed in (1, 2):
        assert f"RTE, seed {seed}: valid accuracy" in result.stdout
        state = torch.load(tmp_path / f"seed{seed}" / "checkpoint_best.pt")["model"]
        heads = {name.split(".")[1] for name in state if name.startswith("classification_heads")}
        assert heads == {"glue_rte"}
        assert len(state["classification_heads.glue_rte.out_proj.weight"]) == 2
    report = run("scripts/glue_report.py", tmp_path)
    assert re.search(r"RTE \| accuracy \| [\d.]+ \| [\d.]+ \| [\d.]+ \| 2 \|", report.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("arch", ["cline_base", "roberta_base"])
def test_from_stock_roberta(corpus, glue, tmp_path, arch):
    """A checkpoint of fairseq's masked_lm, with our architecture and its own."""
    checkpoint = stock_roberta(corpus / "bin", tmp_path)
    options = ("--arch", arch, "--max-epoch", 1)
    result = run(*command(glue, "STS-B", checkpoint, tmp_path / "runs", *options))
    assert "STS-B, seed 1: valid pearson" in result.stdout
    state = torch.load(tmp_path / "runs" / "seed1" / "checkpoint_best.pt")
    model = state["cfg"]["model"]
    sizes = model if isinstance(model, dict) else vars(model)  # RoBERTa's options are a namespace
    assert sizes["encoder_attention_heads"] == 2
    assert ("encoder.rtd_head.dense.weight" in state["model"]) == (arch == "cline_base")


@pytest.mark.slow
def test_bad_input(corpus, glue, pretrained, tmp_path):
    """All of it is told before training, and leaves nothing."""
    (tmp_path / "no.pt").write_text("no checkpoint")
    other = tmp_path / "other"
    (other / "input0").mkdir(parents=True)
    for name in ("input1", "label"):
        (other / name).symlink_to(glue[0] / "RTE" / name)
    for path in (glue[0] / "RTE" / "input0").iterdir():
        (other / "input0" / path.name).symlink_to(path)
    (other / "input0" / "dict.txt").unlink()
    no_test = tmp_path / "no_test"
    shutil.copytree(glue[0] / "RTE", no_test, ignore=shutil.ignore_patterns("test*"))
    lines = (corpus / "dict.txt").read_text(encoding="utf-8")
    (other / "input0" / "dict.txt").write_text(lines + "another-symbol 1\n", encoding="utf-8")
    cases = [
        (["--checkpoint", "nowhere.pt"], "error: no checkpoint nowhere.pt: specify the .pt file"),
        (["--checkpoint", tmp_path / "no.pt"], "is not a checkpoint, or is damaged"),
        (["--data", tmp_path], "/input0/train.idx: pass the folder of RTE"),
        (["--data", glue[0] / "QNLI", "--task", "WNLI"], "holds a task other than WNLI"),
        (["--data", glue[0] / "MRPC", "--task", "WNLI"], "holds a task other than WNLI"),
        (
            ["--data", no_test, "--predict", "test"],
            "has no test split: run cline-fairseq glue-preprocess",
        ),
        (["--data", glue[0] / "STS-B"], "holds a task other than RTE"),
        (["--data", other], "run cline-fairseq glue-preprocess with the tokenizer"),
        (["--gpus", "99"], "error: --gpus 99 is not available here"),
        (["--update-freq", "3"], "error: --batch-size 8 cannot be divided by 1 GPUs x"),
        (["--max-tokens", "100"], "error: with --max-tokens the updates are not known"),
    ]
    for options, message in cases:
        arguments = command(glue, "RTE", pretrained, tmp_path / "runs", *options)
        result = run(*arguments, check=False)
        assert result.returncode == 1, options
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert not (tmp_path / "runs").exists()


def test_failed_training_shows_its_reason(glue, pretrained, tmp_path):
    """A typing error of an option is told, and can be mended in the same folder."""
    options = ("--max-epoch", 1, "--clip-nrm", 1)
    result = run(*command(glue, "RTE", pretrained, tmp_path, *options), check=False)
    assert result.returncode == 1
    assert "unrecognized arguments: --clip-nrm 1" in result.stderr
    assert "error: fairseq-train failed with exit status 2; its full output is in" in result.stderr
    run(*command(glue, "RTE", pretrained, tmp_path, "--max-epoch", 1, "--clip-norm", 1))


@pytest.mark.parametrize("task", GLUE_TASKS)
def test_configurations_start(corpus, glue, pretrained, tmp_path, task):
    name = task.lower().replace("-", "_")
    run(
        *("fairseq-hydra-train", "--config-dir", CONFIG, "--config-name", name),
        *(f"common.user_dir={ROOT / 'cline_fairseq'}", f"task.data={glue[0] / task}"),
        *(f"checkpoint.finetune_from_model={pretrained}", "common.cpu=true", "common.fp16=false"),
        *("common.log_interval=1", "dataset.batch_size=4"),
        *("optimization.max_update=2", "lr_scheduler.warmup_updates=1", "dataset.num_workers=0"),
        *(f"checkpoint.save_dir={tmp_path}", f"hydra.run.dir={tmp_path}"),
    )
    log = (tmp_path / "hydra_train.log").read_text()
    assert f"sizes from {pretrained}: encoder_layers 1, encoder_embed_dim 32," in log
    assert "loading pretrained model from" in log
    assert len(re.findall(r"\[train_inner\]", log)) == 2
    assert (tmp_path / "checkpoint_best.pt").exists()


@pytest.mark.parametrize("task", GLUE_TASKS)
def test_configurations_are_the_settings_of_the_program(glue, task):
    name = task.lower().replace("-", "_")
    files = (yaml.safe_load((CONFIG / f"{part}.yaml").read_text()) for part in ("base", name))
    config = OmegaConf.to_container(OmegaConf.merge(*files))
    settings = SETTINGS[task]
    assert config["optimization"]["lr"] == [settings.lr]
    assert config["dataset"]["batch_size"] == settings.batch_size
    assert config["optimization"]["max_epoch"] == settings.max_epoch
    assert float(config["optimizer"]["weight_decay"]) == settings.weight_decay
    updates = config["optimization"]["max_update"]
    warmup = config["lr_scheduler"]["warmup_updates"]
    assert warmup == round(settings.warmup_ratio * updates)
    model = ModelDescription([], 0, 512, 768)
    arguments = (glue[0] / task, "a.pt", "b", 1, settings, model, Machine(0))
    options = train_command(GLUE_TASKS[task], *arguments)
    head = options[options.index("--classification-head-name") + 1]
    assert config["criterion"]["classification_head_name"] == head
    assert config["criterion"].get("regression_target", False) == ("--regression-target" in options)
    assert config["task"]["num_classes"] == int(options[options.index("--num-classes") + 1])
    metric = config["checkpoint"].get("best_checkpoint_metric")
    assert (metric == "accuracy") == ("--maximize-best-checkpoint-metric" in options)


def test_a_batch_is_divided(glue):
    """Over GPUs and accumulated batches; the updates stay the same."""
    model = ModelDescription([], 0, 512, 768)
    arguments = (GLUE_TASKS["RTE"], glue[0] / "RTE", "a.pt", "b", 1, Settings(1e-5, 16, 3), model)
    one, two = (train_command(*arguments, m) for m in (Machine(1), Machine(2, 4)))

    def option(options, name):
        return options[options.index(name) + 1]

    assert [option(c, "--batch-size") for c in (one, two)] == ["16", "2"]
    assert option(two, "--update-freq") == "4"
    assert option(two, "--distributed-world-size") == "2"
    assert "--cpu" not in one
    for options in (one, two):
        assert option(options, "--total-num-update") == str(3 * SIZES["train"] // 16)
