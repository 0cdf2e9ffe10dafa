"""fairseq on current torch and numpy: each bridge, and that nothing wider is open."""

import argparse
import errno
import logging
import multiprocessing
import os
import pickle
import queue
import shutil
import subprocess
import sys
import time
import warnings
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import torch.distributed as dist
from fairseq import checkpoint_utils, file_io
from fairseq.data import TokenBlockDataset, data_utils
from fairseq.data.iterators import BackgroundConsumer, EpochBatchIterator
from fairseq.dataclass import utils as dataclass_utils
from fairseq.dataclass.configs import DistributedTrainingConfig
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model
from fairseq.trainer import Trainer
from omegaconf import OmegaConf
from torch.nn.parallel import DistributedDataParallel

from cline_fairseq import compat, registration
from cline_fairseq.errors import InputError

PINNED = "'pin_memory' argument is set as true but no accelerator is found, then device pinned"
RENAMED = "`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast`"


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
    with pytest.raises(InputError, match="is not a fairseq checkpoint, it holds no model"):
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


@pytest.mark.parametrize("what", [Foreign, compat.allow_fairseq_checkpoints, pickle.Pickler])
def test_any_other_class_is_refused(tmp_path, what):
    path = tmp_path / "checkpoint.pt"
    torch.save({"args": argparse.Namespace(arch="cline_tiny"), "extra": what}, path)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(path)


def test_numpy_aliases_are_for_the_modules_that_need_them():
    assert data_utils.np.int is int
    assert data_utils.np.zeros is np.zeros
    assert not hasattr(np, "int")
    assert hasattr(np, "compat") == np.__version__.startswith("1.")
    lines = [torch.arange(3), torch.arange(5)]
    blocks = TokenBlockDataset(lines, np.array([3, 5]), None, pad=1, eos=2, break_mode="eos")
    assert [len(blocks[i]) for i in range(2)] == [3, 5]


def test_data_parallel_on_a_cpu_takes_no_device():
    """It stays a class, and torch's own is as it was."""
    ours = distributed_fairseq_model.DistributedDataParallel
    assert issubclass(ours, DistributedDataParallel)
    assert ours is not DistributedDataParallel
    model = torch.nn.Linear(2, 2)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with pytest.raises(ValueError, match="device_ids"):
            DistributedDataParallel(model, device_ids=[0], output_device=0)
        parallel = ours(model, device_ids=[0], output_device=0)
        assert isinstance(parallel, DistributedDataParallel)
        assert parallel(torch.ones(1, 2)).shape == (1, 2)
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize(("gpus", "device"), [(0, 0), (2, 1)])
def test_device_of_a_worker_of_torchrun(monkeypatch, gpus, device):
    count = Mock(return_value=gpus)
    monkeypatch.setattr(torch.cuda, "device_count", count)
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    cfg = DistributedTrainingConfig()
    distributed_utils._infer_torch_distributed_launch_init(cfg)
    assert (cfg.distributed_rank, cfg.distributed_world_size, cfg.device_id) == (3, 4, device)
    assert cfg.distributed_init_method == "env://"
    assert cfg.distributed_no_spawn
    assert torch.cuda.device_count is count


class KeepsFiles:
    """iopath, where it is installed: it overwrites only if it is asked to."""

    _path_handlers = {}  # noqa: RUF012  as iopath has it

    @staticmethod
    def copy(src_path, dst_path, overwrite):
        if not overwrite and os.path.exists(dst_path):
            return False
        shutil.copyfile(src_path, dst_path)
        return True


def test_copies_of_checkpoints_appear_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(file_io, "IOPathManager", KeepsFiles)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")
    copy = checkpoint_utils.PathManager.copy
    assert not copy(str(source), str(target))
    assert target.read_text() == "old"
    reader = target.open()  # whoever has the old file open goes on reading it
    assert copy(str(source), str(target), overwrite=True)
    assert (target.read_text(), reader.read()) == ("new", "old")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
    assert copy(str(source), str(tmp_path / "other"))
    # The class that others use is fairseq's.
    target.write_text("older")
    reader = target.open()
    assert file_io.PathManager.copy(str(source), str(target), overwrite=True)
    assert reader.read() == "new"


def test_no_deprecations_of_hydra():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cfg = dataclass_utils.convert_namespace_to_omegaconf(argparse.Namespace())
    assert cfg.common.seed == 1
    other = compat._without_deprecations(lambda: warnings.warn("of another kind", stacklevel=1))
    with pytest.warns(UserWarning, match="of another kind"):
        other()


@pytest.mark.parametrize(
    ("options", "shown"), [([], ["the user's concern"]), (["default"], [PINNED, RENAMED, "the"])]
)
def test_deprecations_in_fairseq(monkeypatch, options, shown):
    """Ours are ignored, others are shown; filters of the user stay as they are."""
    monkeypatch.setattr(sys, "warnoptions", options)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        compat.ignore_deprecations_in_fairseq()
        for message, category, module in (
            (PINNED, UserWarning, "torch.utils.data.dataloader"),
            (RENAMED, FutureWarning, "fairseq.tasks.fairseq_task"),
            ("the user's concern", UserWarning, "fairseq.trainer"),
        ):
            warnings.warn_explicit(message, category, "file.py", 1, module)
    assert len(found) == len(shown)
    assert all(str(w.message).startswith(part) for w, part in zip(found, shown, strict=True))


@pytest.mark.parametrize(
    ("form", "level", "expected"),
    [
        (logging.BASIC_FORMAT, logging.DEBUG, logging.INFO),
        (logging.BASIC_FORMAT, logging.WARNING, logging.WARNING),
        ("%(message)s", logging.DEBUG, logging.DEBUG),
    ],
)
def test_debug_level_of_a_fairseq_program(monkeypatch, form, level, expected):
    root, handler = logging.RootLogger(level), logging.StreamHandler()
    handler.setFormatter(logging.Formatter(form))
    root.addHandler(handler)
    monkeypatch.setattr(registration.logging, "getLogger", lambda: root)
    monkeypatch.delenv("LOGLEVEL", raising=False)
    registration._leave_debug_level()
    assert root.level == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("/usr/bin/fairseq-train", True),
        ("/lib/fairseq_cli/train.py", True),
        ("scripts/encode.py", False),
        ("", False),
    ],
)
def test_programs_of_fairseq(monkeypatch, program, expected):
    monkeypatch.setattr(sys, "argv", [program])
    assert registration._in_fairseq_program() == expected


# What importing us and fairseq leaves alone, and that we are registered.
CHECKS = """
import sys, logging, os, warnings
from fairseq.criterions import CRITERION_REGISTRY
from fairseq.models import MODEL_REGISTRY
from fairseq.optim import OPTIMIZER_REGISTRY
from fairseq.tasks import TASK_REGISTRY
assert "cline" in TASK_REGISTRY and "cline" in MODEL_REGISTRY and "cline" in CRITERION_REGISTRY
assert "fused_adamw" in OPTIMIZER_REGISTRY
assert "torch._dynamo" not in sys.modules
assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" not in os.environ
assert not any("cline_fairseq" in type(finder).__module__ for finder in sys.meta_path)
assert not any("pin_memory" in str(entry) for entry in warnings.filters)
assert sys.excepthook is sys.__excepthook__
"""
ALONE = """
import sys
import cline_fairseq.rewriting
assert not {"torch", "fairseq"} & sys.modules.keys()
import fairseq, logging, numpy
assert logging.root.level == logging.WARNING and not logging.root.handlers
assert not hasattr(numpy, "int")
"""
CONFIGURED = """
import logging
logging.basicConfig(level=logging.INFO)
handlers = logging.root.handlers[:]
import cline_fairseq.models.cline
assert logging.root.level == logging.INFO and logging.root.handlers == handlers
"""


@pytest.mark.parametrize(
    "code",
    [
        ALONE,
        CONFIGURED,
        "import cline_fairseq, fairseq_cli.train",
        "import fairseq_cli.train, cline_fairseq",
    ],
    ids=["rewriting first", "logging configured", "ours first", "fairseq first"],
)
def test_registers_in_any_order_of_imports(code):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ONEDNN")}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + CHECKS],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    if code == ALONE:
        assert result.stderr == ""


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


def test_criterions_are_told_of_dummy_batches():
    """A worker that has no batch gets an old one, which is marked; all others are as they were."""
    trainer = Trainer.__new__(Trainer)
    common = Mock(fp16=False, bf16=False, amp=False, on_cpu_convert_precision=False)
    trainer.cfg, trainer.cuda, trainer.tpu = Mock(common=common), False, False
    trainer._dummy_batch = {"id": torch.tensor([1])}
    sample = {"id": torch.tensor([2])}
    assert trainer._prepare_sample(sample) == (sample, False)
    for empty in (None, {}):
        dummy, is_dummy = trainer._prepare_sample(empty)
        assert is_dummy
        assert dummy == {**trainer._dummy_batch, "is_dummy": True}
    assert "is_dummy" not in trainer._dummy_batch


def test_workers_of_validation_end_with_it():
    numbers = torch.utils.data.TensorDataset(torch.arange(6))
    split = [[0, 1], [2, 3], [4, 5]]
    batches = EpochBatchIterator(
        numbers, lambda rows: [int(n) for (n,) in rows], split, num_workers=1, buffer_size=2
    )
    trainer = Mock(spec=Trainer, task=Mock(), cfg=Mock(), model=Mock())
    trainer.data_parallel_world_size, trainer.data_parallel_rank = 1, 0
    trainer.task.get_batch_iterator.return_value = batches
    trainer.task.max_positions.return_value = trainer.model.max_positions.return_value = 1
    before = set(multiprocessing.active_children())
    iterator = Trainer.get_valid_iterator(trainer, "valid").next_epoch_itr(shuffle=False)
    assert list(iterator) == split
    deadline = time.monotonic() + 10
    while (left := set(multiprocessing.active_children()) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left


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
