"""The comparison of objectives: its arms, its measures, and the program on a tiny corpus."""

import importlib
import json
import signal
import threading
import time
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from cline_fairseq.errors import InputError
from helpers import TOKENIZER, make_task, sentencepiece_options
from programs import ROOT, run


@pytest.fixture
def modules():
    """The modules of the program."""
    names = ("objectives.arms", "objectives.held_out", "compare_objectives")
    return SimpleNamespace(**{n.rsplit(".")[-1]: importlib.import_module(n) for n in names})


def test_arms_are_the_presets_and_what_they_do_without(modules):
    arms = {arm.name: arm for arm in modules.arms.all_arms()}
    for name in ("paper", "authors", "matched"):
        path = ROOT / "examples" / "pretraining" / "config" / "objective" / f"{name}.yaml"
        preset = OmegaConf.to_container(OmegaConf.load(path))
        assert arms[name].options == {**preset["task"], **preset["criterion"]}
    matched = arms["matched"].options
    for part, change in modules.arms.PARTS.items():
        options = arms[f"matched, {part}"].options
        assert options != matched
        assert options.items() >= {k: v for k, v in matched.items() if k not in change}.items()
    assert arms["authors"].num_rows == arms["matched, clean original"].num_rows == 4
    assert len({arm.folder for arm in arms.values()}) == len(arms)
    assert "--match-edits" not in modules.arms.as_arguments(
        arms["matched, edits not matched"].options
    )


def test_masked_lm_bits(modules, corpus):
    """The mean over all masked tokens of the originals, whatever model."""
    task = make_task(corpus, mask_views=True)
    task.load_dataset("valid")
    task.datasets["train"] = task.datasets["valid"]
    torch.manual_seed(0)
    table = torch.randn(len(task.dictionary), len(task.dictionary))

    def model(tokens, masked_tokens):
        return (table[tokens[masked_tokens]],)

    dataset, nats = task.datasets["valid"], []
    for i in range(len(dataset)):
        batch = dataset.collater([dataset[i]])
        for token, target in zip(
            batch["net_input"]["src_tokens"][0].tolist(),
            batch["mlm_target"][0].tolist(),
            strict=True,
        ):
            if target != task.dictionary.pad():
                nats.append(-table[token].log_softmax(0)[target].item())
    expected = np.mean(nats) / np.log(2)
    assert modules.held_out.masked_lm_bits(model, task) == pytest.approx(expected, rel=1e-5)


class Views:
    """A dataset whose texts have a word of their view each, or the same words."""

    def __init__(self, synonym, antonym):
        self.words = (synonym, antonym)

    def __len__(self):
        return 40

    def __getitem__(self, index):
        return index

    def collater(self, ids):
        rows = (
            [[9, 9]] * len(ids) + [[9, self.words[0]]] * len(ids) + [[9, self.words[1]]] * len(ids)
        )
        return {
            "id": torch.tensor(ids),
            "nsentences": len(ids),
            "net_input": {
                "src_tokens": torch.tensor(rows),
                "src_lengths": torch.tensor([2] * len(rows)),
            },
            "has_contrast": torch.ones(len(ids), dtype=torch.bool),
        }


@pytest.mark.parametrize(("words", "expected"), [((4, 5), 1.0), ((5, 4), 1.0), ((4, 4), 0.5)])
def test_words_alone(modules, words, expected):
    dataset = Views(*words)
    task = Namespace(datasets={"train": dataset, "valid": dataset}, dictionary=range(10))
    assert modules.held_out.words_alone(task) == expected


def test_unknown_arm(modules):
    with pytest.raises(
        modules.arms.InputError, match="no arm 'mached': expected some of masked_lm"
    ):
        modules.arms.choose_arms(["mached"])


def test_tokens_of_an_interrupted_run_count_once(modules):
    log = [
        {"num_updates": updates, "wpb": tokens}
        for updates, tokens in ((2, 10), (4, 30), (4, 30), (5, 8))
    ]
    assert modules.compare_objectives.encoder_tokens(log) == 2 * 10 + 2 * 30 + 8


@pytest.mark.slow
def test_compare_objectives(corpus, texts, tmp_path):
    (tmp_path / "in.txt").write_text("\n".join(texts[:30]), encoding="utf-8")
    command = (
        *("scripts/compare_objectives.py", "--data", corpus / "bin", "--bpe", "sentencepiece"),
        *("--sentencepiece-model", corpus / TOKENIZER, "--sentences", tmp_path / "in.txt"),
        *("--dest", tmp_path / "runs", "--layers", 1, "--tokens-per-sample", 64, "--rows", 12),
        *("--jobs", 1, "--arms", "masked_lm", "matched, Kendall's weights"),
        *("matched, clean original", "--updates"),
    )
    result = run(*command, 4)
    figures = json.loads((tmp_path / "runs" / "objectives.json").read_text())
    mlm, matched, clean = figures
    assert (mlm["name"], matched["name"]) == ("masked_lm", "matched, Kendall's weights")
    assert "cts_acc" not in mlm
    assert clean["name"] == "matched, clean original"
    # As many rows an update, though texts have one, three or four.
    for folder, texts_an_update in (
        ("masked_lm", 12),
        ("matched-Kendalls-weights", 4),
        ("matched-clean-original", 3),
    ):
        logged = (tmp_path / "runs" / folder / "train.log").read_text()
        assert f'"bsz": "{texts_an_update}"' in logged
    for row in figures:
        assert 8 < row["mlm_bits"] < 15
        assert row["encoder_tokens"] > 0
        for edits in ("matched", "paper"):
            assert row[f"triples_{edits}"] > 10
            assert row[f"hits_{edits}_cls"]["low"] <= row[f"hits_{edits}_cls"]["value"]
    assert matched["cts_scale"] != 1  # what it logged is that of its own objective
    assert 0 <= matched["words_alone"] <= 1
    table = (tmp_path / "runs" / "objectives.md").read_text()
    assert table in result.stdout
    assert "| matched, Kendall's weights |" in table

    log = tmp_path / "runs" / "matched-Kendalls-weights" / "train.log"
    before = log.read_text()
    run(*command, 4)
    assert log.read_text() == before  # it is complete
    result = run(*command, 5, check=False)
    assert result.returncode == 1
    assert "holds a run with other options: pass another --dest" in result.stderr
    assert "Traceback" not in result.stderr


def test_task_of_the_measures(modules, corpus):
    """All runs are measured on the same blocks and masks, whatever views they trained with."""
    data, subwords = str(corpus / "bin"), sentencepiece_options(corpus)
    plain = modules.held_out.build_task(data, subwords, 64)
    matched = modules.held_out.build_task(data, subwords, 64, match_edits=True, mask_views=True)
    batches = [t.datasets["valid"].collater([t.datasets["valid"][0]]) for t in (plain, matched)]
    first, second = (batch["net_input"]["src_tokens"][0] for batch in batches)
    size = min(len(first), len(second))
    assert torch.equal(first[:size], second[:size])
    assert len(plain.datasets["train"]) > 0


def test_an_interruption_starts_no_other_run(modules, monkeypatch):
    program, stopped, begun = modules.compare_objectives, threading.Event(), []

    def train(args, arm, bar):
        begun.append(arm)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        stopped.wait(10)

    def stop_all():
        stopped.set()
        time.sleep(0.3)  # the thread is free by now

    monkeypatch.setattr(program, "train", train)
    monkeypatch.setattr(program, "stop_all", stop_all)
    with pytest.raises(KeyboardInterrupt):
        program.train_all(Namespace(updates=1, jobs=1), ["first", "second"])
    assert begun == ["first"]


def test_the_log_of_a_run_that_fails_is_shown_as_text(modules, monkeypatch, tmp_path, capsys):
    code = r"print('\x1b[31mred'); raise SystemExit(3)"
    monkeypatch.setattr(
        modules.compare_objectives, "train_command", lambda *args: ["python", "-c", code]
    )
    arm = SimpleNamespace(name="paper", folder="paper")
    (tmp_path / "paper").mkdir()
    with pytest.raises(InputError, match=r"^the run 'paper' failed .* status 3; .*train.log$"):
        modules.compare_objectives.train(
            Namespace(dest=tmp_path, updates=1, jobs=1), arm, SimpleNamespace(update=int)
        )
    assert "\\x1b[31mred\n" in capsys.readouterr().err
