"""GLUE's tasks to binarized folders, against fairseq-preprocess on the same text."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from fairseq.data import data_utils

from cline_fairseq.evaluation.glue.binarizing import label_counts
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from glue_files import LABELS, SIZES, write_diagnostic, write_task
from helpers import TOKENIZER
from programs import run


@pytest.fixture(scope="module")
def raw(tmp_path_factory, texts):
    """All tasks in raw files, and their examples."""
    folder = tmp_path_factory.mktemp("glue")
    return folder, {
        name: write_task(folder, name, texts, seed) for seed, name in enumerate(GLUE_TASKS)
    }


def preprocess(corpus, glue_dir, dest, *options, check=True):
    return run(
        *("scripts/glue_preprocess.py", "--glue-dir", glue_dir, "--dest", dest),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
        *("--dict", corpus / "dict.txt", *options),
        check=check,
    )


@pytest.fixture(scope="module")
def made(corpus, raw, tmp_path_factory):
    dest = tmp_path_factory.mktemp("glue-bin")
    return dest, preprocess(corpus, raw[0], dest)


def test_same_as_fairseq_preprocess(corpus, raw, made, tmp_path):
    """Byte for byte, of the task with most splits and classes."""
    prefixes = {"train": "--trainpref", "valid": "--validpref", "test": "--testpref"}
    for part in ("input0", "input1", "label"):
        texts = {}
        for split, examples in raw[1]["MNLI"].items():
            path = tmp_path / f"{split}.{part}"
            column = [e[1] if part == "label" else e[0][int(part[-1])].strip() for e in examples]
            path.write_text("\n".join(column) + "\n", encoding="utf-8")
            texts[split] = path
            if part != "label":
                texts[split] = path.with_suffix(".sp")
                run(
                    *("scripts/encode.py", "--bpe", "sentencepiece", "--workers", 1),
                    *("--sentencepiece-model", corpus / TOKENIZER),
                    *("--input", path, "--output", texts[split].with_suffix(f".{part}.sp")),
                )
                texts[split] = texts[split].with_suffix(f".{part}.sp")
        command = ["fairseq-preprocess", "--only-source", "--destdir", tmp_path / part]
        for split, option in prefixes.items():
            if part != "label" or split != "test":
                both = (texts[name] for name in (split, f"{split}1") if name in texts)
                command += [option, ",".join(map(str, both))]
        if part != "label":
            command += ["--srcdict", corpus / "dict.txt"]
        run(*command)
        expected = {p.name: p.read_bytes() for p in (tmp_path / part).iterdir()}
        del expected["preprocess.log"]
        found = {p.name: p.read_bytes() for p in (made[0] / "MNLI" / part).iterdir()}
        assert found == expected
    copied = made[0] / "MNLI" / "sentencepiece.bpe.model"  # for those who read more texts
    assert copied.read_bytes() == (corpus / TOKENIZER).read_bytes()


@pytest.mark.parametrize("name", GLUE_TASKS)
def test_labels_are_numbered_by_frequency(raw, made, name):
    """What fairseq's task reads, mapped back through the dictionary, is what was written."""
    from fairseq.tasks.sentence_prediction import SentencePredictionConfig, SentencePredictionTask

    regression = LABELS[name] is None
    cfg = SentencePredictionConfig(
        data=str(made[0] / name),
        num_classes=GLUE_TASKS[name].num_classes,
        init_token=0,
        separator_token=2,
        regression_target=regression,
    )
    cfg.seed = 1
    task = SentencePredictionTask.setup_task(cfg)
    for split, examples in raw[1][name].items():
        dataset = task.load_dataset(split)
        assert len(dataset) == SIZES[split] == len(examples)
        if split.startswith("test"):
            assert "target" not in dataset[0]
            continue
        targets = [dataset[i]["target"] for i in range(len(dataset))]
        if regression:
            np.testing.assert_allclose(targets, [[float(label)] for _, label in examples])
        else:
            names = [task.label_dictionary[t.item() + 4] for t in targets]
            assert names == [label for _, label in examples]
    if not regression:
        labels = [label for _, label in raw[1][name]["train"]]
        first = task.label_dictionary[4]
        assert labels.count(first) == max(map(labels.count, LABELS[name]))


def test_equal_frequencies_are_sorted():
    assert label_counts(["b", "c", "a", "c", "b"])[:3] == [("b", 2), ("c", 2), ("a", 1)]
    assert label_counts(["b", "c", "a"])[3:] == [("madeupword0000", 0)]


def test_reports_and_leaves_complete_ones_alone(corpus, raw, made):
    dest, result = made
    assert "MNLI valid1: 12 examples" in result.stdout
    files = {path: path.stat().st_mtime_ns for path in dest.rglob("*")}
    again = preprocess(corpus, raw[0], dest)
    assert again.stdout.count("(complete already)") == result.stdout.count("examples")
    assert {path: path.stat().st_mtime_ns for path in dest.rglob("*")} == files


def test_broken_folder_is_made_anew(corpus, raw, tmp_path):
    preprocess(corpus, raw[0], tmp_path, "--tasks", "RTE")
    path = tmp_path / "RTE" / "input1" / "valid.bin"
    whole = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(whole[:-2])):
        damage()
        preprocess(corpus, raw[0], tmp_path, "--tasks", "RTE")
        assert path.read_bytes() == whole
    assert [p.name for p in tmp_path.iterdir()] == ["RTE"]


def test_incomplete_tasks(corpus, texts, tmp_path):
    write_task(tmp_path / "raw", "MNLI", texts)
    write_task(tmp_path / "raw", "RTE", texts)
    for file in ("dev_mismatched.tsv", "test_matched.tsv", "test_mismatched.tsv"):
        (tmp_path / "raw" / "MNLI" / file).unlink()
    result = preprocess(
        *(corpus, tmp_path / "raw", tmp_path / "bin", "--tasks", "CoLA,MNLI,RTE"), check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: CoLA, MNLI are incomplete (CoLA: no ")
    assert "dev_mismatched.tsv" in result.stderr
    tasks = ("--tasks", "MNLI,RTE")
    assert not (tmp_path / "bin").exists()
    result = preprocess(corpus, tmp_path / "raw", tmp_path / "bin", *tasks, "--skip-incomplete")
    assert "MNLI: skipped, no " in result.stderr
    assert [p.name for p in (tmp_path / "bin").iterdir()] == ["RTE"]
    # What is there, by name.
    options = ("--tasks", "MNLI", "--splits", "train,valid")
    preprocess(corpus, tmp_path / "raw", tmp_path / "bin", *options)
    names = {p.name for p in (tmp_path / "bin" / "MNLI" / "input0").iterdir()}
    assert names == {"dict.txt", "train.bin", "train.idx", "valid.bin", "valid.idx"}


@pytest.mark.parametrize("name", ["AX/AX.tsv", "ax.tsv", "diagnostic/diagnostic.tsv"])
def test_diagnostic_set(corpus, texts, tmp_path, name):
    """It is a split of MNLI without labels, if it is there; a broken one leaves nothing."""
    raw, dest = tmp_path / "raw", tmp_path / "bin"
    write_task(raw, "MNLI", texts)
    write_diagnostic(raw / name, texts)
    result = preprocess(corpus, raw, dest, "--tasks", "MNLI")
    assert f"MNLI ax: {SIZES['ax']} examples" in result.stdout
    assert (dest / "MNLI" / "input1" / "ax.idx").is_file()
    assert not list((dest / "MNLI" / "label").glob("ax.*"))
    (raw / name).write_text("Premise\tHypothesis\tLabel\na\tb\tentailment\n")
    result = preprocess(corpus, raw, tmp_path / "broken", "--tasks", "MNLI", check=False)
    assert result.returncode == 1
    assert f"{raw / name}, line 1: no column 'sentence1' among 'Premise'" in result.stderr
    assert not any((tmp_path / "broken").iterdir())
    (raw / name).unlink()
    options = ("--tasks", "MNLI", "--splits", "train,valid,ax")
    result = preprocess(corpus, raw, tmp_path / "broken", *options, check=False)
    assert "error: MNLI is incomplete (MNLI: no " in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tasks", "rte"], "error: no task 'rte' in GLUE"),
        (["--splits", "dev"], "error: no split 'dev': expected some of train, valid"),
        (["--splits", "valid", "--tasks", "RTE"], "error: the dictionary of labels is made from"),
        (["--glue-dir", "nowhere"], "error: no folder nowhere"),
        (["--dict", "nowhere.txt"], "error: no dictionary nowhere.txt"),
    ],
)
def test_bad_options(corpus, raw, tmp_path, options, message):
    result = preprocess(corpus, raw[0], tmp_path / "bin", *options, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(message)
    assert not any((tmp_path / "bin").rglob("*"))


def test_bad_row_leaves_nothing(corpus, texts, tmp_path):
    write_task(tmp_path / "raw", "RTE", texts)
    path = tmp_path / "raw" / "RTE" / "dev.tsv"
    path.write_bytes(path.read_bytes() + b"16\ta text without a pair\n")
    result = preprocess(corpus, tmp_path / "raw", tmp_path / "bin", "--tasks", "RTE", check=False)
    assert result.returncode == 1
    assert "dev.tsv, line 18: expected 4 tab-separated fields" in result.stderr
    assert "Traceback" not in result.stderr
    assert not any((tmp_path / "bin").rglob("*"))


def test_other_options_are_not_mixed(corpus, raw, tmp_path):
    preprocess(corpus, raw[0], tmp_path, "--tasks", "WNLI")
    options = ("--tasks", "WNLI", "--splits", "train,valid")
    result = preprocess(corpus, raw[0], tmp_path, *options, check=False)
    assert result.returncode == 1
    assert "was made with other options (splits" in result.stderr
    preprocess(corpus, raw[0], tmp_path, *options, "--overwrite")
    manifest = json.loads((tmp_path / "WNLI" / "manifest.json").read_text())
    assert manifest["counts"]["train"]["examples"] == SIZES["train"]


def test_rows_that_were_never_a_label(corpus, texts, tmp_path):
    """A label that no training example has could not be predicted."""
    write_task(tmp_path / "raw", "SST-2", texts)
    path = tmp_path / "raw" / "SST-2" / "train.tsv"
    path.write_bytes(path.read_bytes().replace(b"\t1\n", b"\t0\n"))
    result = preprocess(corpus, tmp_path / "raw", tmp_path / "bin", "--tasks", "SST-2", check=False)
    assert "the training examples of SST-2 have no label 1" in result.stderr
    assert not any((tmp_path / "bin").rglob("*"))


def test_gpt2(gpt2_corpus, raw, tmp_path):
    data, options = gpt2_corpus
    run(
        *("scripts/glue_preprocess.py", "--glue-dir", raw[0], "--tasks", "CoLA"),
        *("--dest", tmp_path, "--dict", data / "dict.txt"),
        *("--bpe", "gpt2", "--gpt2-encoder-json", options["gpt2_encoder_json"]),
        *("--gpt2-vocab-bpe", options["gpt2_vocab_bpe"]),
    )
    lines = data_utils.load_indexed_dataset(str(tmp_path / "CoLA" / "input0" / "train"), None)
    from fairseq.data.encoders.gpt2_bpe import GPT2BPE

    bpe = GPT2BPE(SimpleNamespace(**options))
    symbols = [
        line.rsplit(" ", 1)[0] for line in (tmp_path / "CoLA" / "input0" / "dict.txt").open()
    ]
    for i, (texts, _) in enumerate(raw[1]["CoLA"]["train"]):
        tokens = [symbols[token - 4] for token in lines[i].tolist()[:-1]]
        assert tokens == bpe.encode(texts[0].strip()).split()
