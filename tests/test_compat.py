"""fairseq on current torch and numpy: each bridge, and that nothing wider is open."""

import argparse
import pickle
import queue
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data.iterators import BackgroundConsumer
from omegaconf import OmegaConf

from cline_fairseq import compat


class Foreign:
    pass


def test_checkpoints_load_with_weights_only(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "model": {}}, path)
    assert torch.load(path, weights_only=True)["args"].arch == "cline_tiny"


@pytest.mark.parametrize("what", [Foreign, compat.allow_fairseq_checkpoints, pickle.Pickler])
def test_any_other_class_is_refused(tmp_path, what):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "extra": what}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(path)


def test_numpy_aliases():
    assert np.zeros(2, dtype=np.compat.long).dtype == np.int64
    assert np.int is int


@pytest.mark.parametrize(
    "code",
    [
        # The rewriter first, fairseq later; and one of our own modules first of all.
        "import cline_fairseq.rewriting; from fairseq import tasks",
        "import cline_fairseq; from fairseq import tasks",
        "from fairseq import tasks; import cline_fairseq",
        "import cline_fairseq.data.subwords; from fairseq import tasks",
        "import cline_fairseq.models.cline; from fairseq import tasks",
    ],
)
def test_registers_in_any_order_of_imports(code):
    code += "; assert 'cline' in tasks.TASK_REGISTRY; from fairseq.models import MODEL_REGISTRY"
    code += "; assert 'cline' in MODEL_REGISTRY; from fairseq.optim import OPTIMIZER_REGISTRY"
    code += "; assert 'fused_adamw' in OPTIMIZER_REGISTRY"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


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


def test_threads_that_prepare_batches_end_at_exit():
    """A thread that is at work, and one that waits for a place in its queue."""
    consumers = []
    for size, pause in ((2, 0.0), (100, 0.02)):
        source = (time.sleep(pause) for _ in range(1000))
        consumer = BackgroundConsumer(queue.Queue(size), source, 1000, None)
        consumer.daemon = True
        consumer.start()
        consumers.append(consumer)
    time.sleep(0.1)
    assert all(consumer.is_alive() for consumer in consumers)
    compat._stop_batches()
    assert not any(consumer.is_alive() for consumer in consumers)
