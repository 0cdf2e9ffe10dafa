"""What fairseq loads, and that nothing wider is open."""

import argparse
import errno
import logging
import os
import pickle

import pytest
import torch
from fairseq import checkpoint_utils
from omegaconf import OmegaConf

from cline_fairseq.compat import loading
from cline_fairseq.errors import InputError


class Foreign:
    pass


def test_checkpoints_load_with_weights_only(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "model": {}}, path)
    assert torch.load(path, weights_only=True)["args"].arch == "cline_tiny"


def test_files_that_are_no_checkpoints(tmp_path):
    path = tmp_path / "checkpoint.pt"
    load = checkpoint_utils.load_checkpoint_to_cpu
    torch.save({"weight": torch.ones(100)}, path)
    with pytest.raises(InputError, match=r"is not a fairseq checkpoint \(it holds no model\)"):
        load(str(path))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"is not a fairseq checkpoint \(.*it is cut off\)"):
        load(str(path))


def test_errors_that_do_not_come_from_the_file_are_shown(tmp_path, monkeypatch, caplog):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "model": {}}, path)

    def fail(*args, **kwargs):
        raise KeyError("a mistake of ours")

    monkeypatch.setattr(checkpoint_utils, "_upgrade_state_dict", fail)
    with pytest.raises(KeyError, match="a mistake of ours"):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))

    def lose(*args, **kwargs):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(torch, "load", lose)
    with (
        caplog.at_level(logging.DEBUG, "cline_fairseq"),
        pytest.raises(InputError, match=r"checkpoint.pt cannot be read \(Input/output error\)"),
    ):
        checkpoint_utils.load_checkpoint_to_cpu(str(path))
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("what", [Foreign, loading.allow_fairseq_checkpoints, pickle.Pickler])
def test_any_other_class_is_refused(tmp_path, what):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "extra": what}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(path)


def old_checkpoint(**criterion):
    """Of a run of the first version, as fairseq reads it before it upgrades it."""
    cfg = {"criterion": {"_name": "cline", **criterion}}
    cfg["checkpoint"] = {"best_checkpoint_metric": "loss"}
    history = [{"optimizer_name": "FusedAdamW", "lr_scheduler_state": {}, "num_updates": 1}]
    return {
        "cfg": OmegaConf.create(cfg),
        "optimizer_history": history,
        "extra_state": {"best": 3.0, "train_iterator": {"epoch": 1}, "val_loss": 4.0},
    }


@pytest.mark.parametrize(
    ("criterion", "stays"),
    [
        ({"loss_weighting": "learned"}, False),
        ({"loss_weighting": "fixed"}, True),
        ({"loss_weighting": "learned", "best_checkpoint_metric": "loss"}, True),
        ({}, True),  # another criterion
    ],
)
def test_best_loss_of_learned_weights_is_forgotten(criterion, stays):
    state = checkpoint_utils._upgrade_state_dict(old_checkpoint(**criterion))
    assert ("best" in state["extra_state"]) == stays
