"""A classifier begins with the pooler of the model that it starts from, if that has one."""

import logging
import shutil

import pytest
import torch
from fairseq.tasks.sentence_prediction import SentencePredictionConfig, SentencePredictionTask

from cline_fairseq.checkpoint import read_checkpoint
from cline_fairseq.convert.import_hf import import_hf
from cline_fairseq.models.cline import ClineModel
from hf_models import MODELS, make


@pytest.fixture(scope="module")
def imported(tmp_path_factory, texts):
    folder = tmp_path_factory.mktemp("pooler")
    for name in ("bare", "distilbert"):
        kind, options = MODELS[name]
        import_hf(make(folder / f"{name} source", kind, texts, **options), folder / name)
    return folder


def load(folder, tmp_path, **options):
    """The parameters of a classifier that starts from a checkpoint, before and after."""
    (tmp_path / "input0").mkdir()
    (tmp_path / "label").mkdir()
    shutil.copy(folder / "dict.txt", tmp_path / "input0")
    (tmp_path / "label" / "dict.txt").write_text("no 1\nyes 1\n", encoding="utf-8")
    config = SentencePredictionConfig(data=str(tmp_path), num_classes=2, max_positions=100)
    task = SentencePredictionTask.setup_task(config)
    state = read_checkpoint(folder / "model.pt")
    args = state["cfg"]["model"]
    for name, value in {"arch": "cline_base", "max_positions": 100, **options}.items():
        args[name] = value
    torch.manual_seed(2)
    model = ClineModel.build_model(args, task)
    model.register_classification_head("task", num_classes=2)
    before = {name: t.clone() for name, t in model.classification_heads.state_dict().items()}
    model.load_state_dict(state["model"], strict=True)
    return before, model.classification_heads.state_dict(), state["model"]


def test_a_head_begins_with_the_pooler(imported, tmp_path, caplog):
    state = read_checkpoint(imported / "bare" / "model.pt")["model"]
    with caplog.at_level(logging.INFO):
        before, after, _ = load(imported / "bare", tmp_path)
    for part in ("weight", "bias"):
        assert torch.equal(after[f"task.dense.{part}"], state[f"pooler.dense.{part}"])
        assert torch.equal(after[f"task.out_proj.{part}"], before[f"task.out_proj.{part}"])
    assert "head task begins with the pooler of the imported model" in caplog.text


def test_another_kind_of_head_does_not(imported, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        before, after, _ = load(imported / "bare", tmp_path, pooler_activation_fn="relu")
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert "head task does not begin with the pooler" in caplog.text


def test_without_a_pooler(imported, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        before, after, _ = load(imported / "distilbert", tmp_path)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert "pooler" not in caplog.text
