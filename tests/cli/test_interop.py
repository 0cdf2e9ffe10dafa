"""The programs of interop, one after the other, as their README has them."""

import json

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from helpers import train_command
from programs import run


@pytest.mark.slow
def test_out_in_and_on_with_training(corpus, tmp_path):
    """A run of CLINE goes to Hugging Face and comes back, and both ways training goes on."""
    run(*train_command(corpus, tmp_path / "run", "--max-update", 2, "--disable-validation"))
    options = ("--checkpoint", tmp_path / "run" / "checkpoint_last.pt")
    result = run("scripts/export_hf.py", *options, "--dest", tmp_path / "hf", "--rtd-head")
    assert "RobertaForMaskedLM, " in result.stdout
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "hf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hf")
    logits = model(**tokenizer("Hello world", return_tensors="pt")).logits
    assert logits.shape[-1] == len(tokenizer)
    result = run("scripts/import_hf.py", "--model", tmp_path / "hf", "--dest", tmp_path / "in")
    assert f"--finetune-from-model {tmp_path / 'in' / 'model.pt'}" in result.stdout
    result = run("scripts/export_roberta.py", *options, "--dest", tmp_path / "roberta")
    assert f"--finetune-from-model {tmp_path / 'roberta' / 'model.pt'}" in result.stdout
    result = run("scripts/export_cline.py", *options, "--dest", tmp_path / "cline")
    assert f"{tmp_path / 'cline'}: 1 layers, 32 wide, 3,001 symbols, an RTD head" in result.stdout
    size = ("--max-update", 1, "--disable-validation")
    for start in ("in", "roberta"):
        model = ("--finetune-from-model", tmp_path / start / "model.pt")
        output = run(*train_command(corpus, tmp_path / f"from {start}", *size, *model)).stdout
        lines = [line.partition("{")[2] for line in output.splitlines() if "train_inner" in line]
        assert json.loads("{" + lines[0])["num_updates"] == "1"
        assert f"Loaded checkpoint {tmp_path / start / 'model.pt'}" in output
    states = [torch.load(tmp_path / name)["model"] for name in ("in/model.pt", options[1])]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])


@pytest.mark.slow
def test_bad_input_ends_in_one_sentence(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "t5"}', encoding="utf-8")
    options = ("--model", tmp_path, "--dest", tmp_path / "out")
    result = run("scripts/import_hf.py", *options, check=False)
    assert result.returncode == 1
    error = result.stderr.splitlines()[-1]
    assert error.startswith(
        "error: the model_type in config.json is 't5', and must be one of roberta"
    )
    assert not (tmp_path / "out").exists()
