"""The encoder's options through fairseq's command lines."""

import json
import re

import pytest
import torch

from cline_fairseq import compat  # noqa: F401  lets torch load what fairseq saves
from helpers import train_command
from programs import run

SIZE = ("--encoder-layers", 1, "--encoder-embed-dim", 32, "--encoder-ffn-embed-dim", 64)


def losses(result):
    """The loss of each update."""
    lines = re.findall(r"\| train_inner \| (\{.*\})", result.stdout + result.stderr)
    return [float(json.loads(line)["loss"]) for line in lines]


@pytest.fixture(scope="module")
def plain(corpus, tmp_path_factory):
    """The losses of three updates without dropout, and the folder of the checkpoint."""
    save_dir = tmp_path_factory.mktemp("plain")
    return losses(run(*command(corpus, save_dir))), save_dir


def command(corpus, save_dir, *options):
    options = ("--max-update", 3, "--disable-validation", "--dropout", 0, *options)
    return train_command(corpus, save_dir, "--attention-dropout", 0, *options)


@pytest.mark.parametrize(
    "option", ["--checkpoint-activations", pytest.param("--compile", marks=pytest.mark.slow)]
)
def test_same_losses(corpus, plain, tmp_path, option):
    expected, save_dir = plain
    assert losses(run(*command(corpus, tmp_path, option))) == pytest.approx(expected, rel=1e-3)
    states = [torch.load(d / "checkpoint_last.pt")["model"] for d in (save_dir, tmp_path)]
    assert list(states[0]) == list(states[1])


@pytest.mark.slow
def test_compiled_resumes_from_plain_and_back(corpus, plain, tmp_path):
    whole = losses(run(*command(corpus, tmp_path / "whole", "--max-update", 5)))
    assert whole[:3] == plain[0]
    run(*command(corpus, tmp_path / "parts"))
    compiled = losses(run(*command(corpus, tmp_path / "parts", "--max-update", 4, "--compile")))
    again = losses(run(*command(corpus, tmp_path / "parts", "--max-update", 5)))
    assert compiled + again == pytest.approx(whole[3:], rel=1e-3)


def test_masked_lm(corpus, tmp_path):
    """fairseq's own task and criterion train our architecture as they train theirs."""
    results = {}
    for arch in ("cline_tiny", "roberta_base"):
        result = run(
            *("fairseq-train", corpus / "bin", "--user-dir", "cline_fairseq", "--arch", arch),
            *("--task", "masked_lm", "--criterion", "masked_lm", "--optimizer", "adam", *SIZE),
            *("--encoder-attention-heads", 2, "--tokens-per-sample", 64, "--lr", "1e-3"),
            *("--sample-break-mode", "complete", "--max-positions", 64, "--save-dir", tmp_path),
            *("--batch-size", 8, "--max-update", 3, "--cpu", "--no-save", "--disable-validation"),
            *("--log-format", "json", "--log-interval", 1),
        )
        results[arch] = losses(result)
    assert len(results["cline_tiny"]) == 3
    assert results["cline_tiny"] == pytest.approx(results["roberta_base"], rel=0.05)


def test_attention_is_logged_once(corpus, tmp_path):
    options = ("--sample-break-mode", "eos", "--max-update", 3)
    result = run(*command(corpus, tmp_path, *options))
    assert (result.stdout + result.stderr).count("attention over sequences of several lengths") == 1
