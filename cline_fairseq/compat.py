"""Bridges between fairseq and current versions of torch and numpy, one function each."""

import argparse
import atexit
import contextlib
import functools
import os
import queue
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import torch
from fairseq import checkpoint_utils, utils
from fairseq.data.iterators import BackgroundConsumer
from fairseq.distributed import utils as distributed_utils
from fairseq.file_io import PathManager
from fairseq.models import distributed_fairseq_model
from fairseq.optim import FP16Optimizer, MemoryEfficientFP16Optimizer
from fairseq.trainer import Trainer
from hydra.core.utils import JobReturn

from .errors import InputError
from .optim.masters import exact_state, restore_exact_state


def allow_fairseq_checkpoints() -> None:
    """Let torch load the one class in fairseq's checkpoints that it does not know.

    Since 2.6, ``torch.load`` takes plain data only (weights_only), and fairseq keeps the options
    of legacy models as an argparse.Namespace. A checkpoint with any other class stays refused.
    Can go when fairseq stores plain dictionaries.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def restore_numpy_aliases() -> None:
    """Give fairseq the aliases that numpy 1.24 and 2 dropped.

    ``TokenBlockDataset`` uses ``np.compat.long`` for ``--sample-break-mode eos``, and
    ``compute_mask_indices`` uses ``np.int``. Can go when fairseq writes ``int``.
    """
    if not hasattr(np, "compat"):
        np.compat = SimpleNamespace(long=int)
    if "int" not in vars(np):
        np.int = int


def accept_checkpoints_without_criterion() -> None:
    """Let a criterion with parameters start from a checkpoint that holds none.

    fairseq's trainer reads ``state["criterion"]``, which published RoBERTa checkpoints lack. They
    get an entry of None, as newer checkpoints of criterions without parameters have it. Can go
    when the trainer asks whether the entry is there.
    """
    upgrade = checkpoint_utils._upgrade_state_dict

    @functools.wraps(upgrade)
    def upgrade_state_dict(state):
        state = upgrade(state)
        state.setdefault("criterion", None)
        return state

    checkpoint_utils._upgrade_state_dict = upgrade_state_dict


def allow_distributed_cpu() -> None:
    """Let torchrun start workers on a machine without GPUs, with ``--ddp-backend c10d``.

    fairseq divides by the number of GPUs to find a worker's device, and gives
    DistributedDataParallel a device for models on the CPU, which must have none. Can go when
    fairseq asks for the device of the model.
    """
    infer = distributed_utils._infer_torch_distributed_launch_init
    data_parallel = distributed_fairseq_model.DistributedDataParallel

    @functools.wraps(infer)
    def infer_launch(cfg):
        if torch.cuda.device_count():
            return infer(cfg)
        device_count = torch.cuda.device_count
        torch.cuda.device_count = lambda: 1
        try:
            return infer(cfg)
        finally:
            torch.cuda.device_count = device_count

    @functools.wraps(data_parallel)
    def wrap(module, **kwargs):
        if next(module.parameters()).device.type == "cpu":
            kwargs |= {"device_ids": None, "output_device": None}
        return data_parallel(module, **kwargs)

    distributed_utils._infer_torch_distributed_launch_init = infer_launch
    distributed_fairseq_model.DistributedDataParallel = wrap


def train_in_bf16_without_tpu() -> None:
    """Let ``--bf16`` train on GPUs and CPUs.

    fairseq's command line takes it for a sign of TPUs, and fails for want of torch_xla. Can go when
    ``fairseq.options`` no longer sets ``tpu`` along with ``bf16``.
    """
    call = distributed_utils.call_main

    @functools.wraps(call)
    def call_main(cfg, main, **kwargs):
        if utils.xm is None:
            cfg.common.tpu = cfg.distributed_training.tpu = False
        return call(cfg, main, **kwargs)

    distributed_utils.call_main = call_main


def refuse_fp16_without_gpu() -> None:
    """End training with ``--fp16`` or ``--amp`` on a CPU in one sentence.

    fairseq calls CUDA for flat fp32 weights and when gradients overflow, and fails there with an
    error of torch; its ``--amp`` has no effect without CUDA. Can go when fairseq refuses them.
    """
    init = Trainer.__init__

    @functools.wraps(init)
    def check_and_init(self, cfg, *args, **kwargs):
        _check_precision(getattr(cfg, "common", cfg))
        init(self, cfg, *args, **kwargs)

    Trainer.__init__ = check_and_init


def _check_precision(common):
    if torch.cuda.is_available() and not common.cpu:
        return
    for name in ("memory_efficient_fp16", "fp16", "amp"):
        if getattr(common, name, False):
            raise InputError(
                f"--{name.replace('_', '-')} needs a GPU, and this run has none: use --bf16, or "
                f"neither for fp32 (with hydra: common.{name}=false, and common.bf16=true for bf16)"
            )


def show_input_errors_plainly_under_hydra() -> None:
    """Let an input error under fairseq-hydra-train end in its message alone, exit status 1.

    hydra catches what a job raises, and prints its overrides and a traceback, so that
    ``sys.excepthook`` is never called. Can go when hydra lets a program show its own errors.
    """
    shown = JobReturn.return_value

    def return_value(self):
        if isinstance(self._return_value, InputError):
            raise SystemExit(f"error: {self._return_value}")
        return shown.fget(self)

    JobReturn.return_value = property(return_value, shown.fset)


def resume_half_precision_exactly() -> None:
    """Save the fp32 weights of half-precision training, and the counters of its loss scaler.

    fairseq saves the half-precision model only, so a resumed run loses what was rounded away, and
    its losses differ from those of an uninterrupted one. Can go when fairseq saves both.
    """
    for optimizer in (FP16Optimizer, MemoryEfficientFP16Optimizer):
        _save_exact_state(optimizer)


def _save_exact_state(optimizer):
    state_dict, load_state_dict = optimizer.state_dict, optimizer.load_state_dict

    @functools.wraps(state_dict)
    def save(self):
        return {**state_dict(self), **exact_state(self)}

    @functools.wraps(load_state_dict)
    def load(self, state, optimizer_overrides=None):
        load_state_dict(self, state, optimizer_overrides)
        restore_exact_state(self, state)

    optimizer.state_dict, optimizer.load_state_dict = save, load


def let_fused_adamw_resume_adam() -> None:
    """Let a run with ``--optimizer adam`` go on with ``--optimizer fused_adamw``.

    fairseq's trainer compares the names of the optimizers' classes, though the states are the same.
    Can go when it asks the optimizer whether it can read the state.
    """
    load = Trainer.load_checkpoint
    upgrade = checkpoint_utils._upgrade_state_dict
    takes_over = False

    @functools.wraps(load)
    def load_checkpoint(self, *args, **kwargs):
        nonlocal takes_over
        takes_over = getattr(self.cfg.optimizer, "_name", None) == "fused_adamw"
        try:
            return load(self, *args, **kwargs)
        finally:
            takes_over = False

    @functools.wraps(upgrade)
    def upgrade_state_dict(state):
        state = upgrade(state)
        history = state.get("optimizer_history") or [{}]
        if takes_over and history[-1].get("optimizer_name") == "FairseqAdam":
            history[-1]["optimizer_name"] = "FusedAdamW"
        return state

    Trainer.load_checkpoint = load_checkpoint
    checkpoint_utils._upgrade_state_dict = upgrade_state_dict


def copy_checkpoints_whole() -> None:
    """Let a copy of a checkpoint appear when it is complete.

    fairseq writes a checkpoint under a temporary name, but copies it to checkpoint_last.pt in
    place: a job that is killed meanwhile could not resume. Can go when ``PathManager.copy`` does
    so.
    """
    copy = PathManager.copy

    @functools.wraps(copy)
    def copy_whole(src_path, dst_path, overwrite=False):
        if not PathManager.supports_rename(dst_path):
            return copy(src_path, dst_path, overwrite)
        part = f"{dst_path}.tmp"
        copy(src_path, part, overwrite)
        os.replace(part, dst_path)
        return dst_path

    PathManager.copy = staticmethod(copy_whole)


def leave_finished_runs_alone() -> None:
    """Let a run that is started again after its last update make none.

    fairseq looks whether ``--max-update`` is reached behind each update only, so that a job that
    was killed at its very end would make one update too many. Can go when it looks before.
    """
    cli = sys.modules.get("fairseq_cli.train")
    if cli is None:
        return  # training only; importing it would set up logging
    train = cli.train

    @functools.wraps(train)
    def train_epoch(cfg, trainer, task, epoch_itr):
        if 0 < cfg.optimization.max_update <= trainer.get_num_updates():
            return [None], True
        return train(cfg, trainer, task, epoch_itr)

    cli.train = train_epoch


def stop_batches_at_exit() -> None:
    """End fairseq's threads that prepare batches before Python goes down.

    They are daemons: where training ends within an epoch, Python kills them at exit, and one that
    is inside torch takes the process with it ("terminate called without an active exception"),
    which then has an exit status other than 0. Can go when fairseq ends its threads.
    """
    atexit.register(_stop_batches)


def _stop_batches(patience: float = 10.0):
    deadline = time.monotonic() + patience
    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread._max_len = 0  # it ends with the batch that it is at
            while thread.is_alive() and time.monotonic() < deadline:
                with contextlib.suppress(queue.Empty):
                    thread._queue.get_nowait()  # it may wait for a place
                thread.join(0.01)


allow_fairseq_checkpoints()
restore_numpy_aliases()
accept_checkpoints_without_criterion()
allow_distributed_cpu()
train_in_bf16_without_tpu()
refuse_fp16_without_gpu()
show_input_errors_plainly_under_hydra()
resume_half_precision_exactly()
let_fused_adamw_resume_adam()
copy_checkpoints_whole()
leave_finished_runs_alone()
stop_batches_at_exit()
