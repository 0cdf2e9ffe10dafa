"""Bridges between fairseq and current versions of torch, numpy and hydra, one function each.

Importing this module applies them, which the package does when it registers with fairseq. They
change fairseq's own modules only; what other code finds in torch and numpy stays as it is. Tested
with ve-fairseq 0.12.3, torch 2.13, numpy 2.4 and hydra 1.3.
"""

import argparse
import atexit
import contextlib
import functools
import os
import queue
import sys
import threading
import time
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from fairseq import checkpoint_utils, utils
from fairseq.data import data_utils, language_pair_dataset, token_block_dataset
from fairseq.data.iterators import BackgroundConsumer
from fairseq.dataclass import utils as dataclass_utils
from fairseq.distributed import utils as distributed_utils
from fairseq.file_io import PathManager
from fairseq.models import distributed_fairseq_model
from fairseq.trainer import Trainer


def allow_fairseq_checkpoints() -> None:
    """Let torch load the one class in fairseq's checkpoints that it does not know.

    Since 2.6, ``torch.load`` takes plain data only (weights_only), and fairseq keeps the options
    of legacy models as an argparse.Namespace. A checkpoint with any other class stays refused.
    This holds for the whole process: such a namespace is plain data, which runs no code.
    Can go when fairseq stores plain dictionaries.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def restore_numpy_aliases() -> None:
    """Give fairseq's datasets the aliases that numpy dropped (``int`` in 1.24, ``compat`` in 2.0).

    ``TokenBlockDataset`` uses ``np.compat.long`` for ``--sample-break-mode eos``,
    ``LanguagePairDataset`` uses it too, and ``compute_mask_indices`` uses ``np.int``. Only these
    three modules see the aliases. Can go when fairseq writes ``int``.
    """
    old = _Numpy("numpy")
    old.int, old.compat = int, SimpleNamespace(long=int)
    for module in (data_utils, language_pair_dataset, token_block_dataset):
        module.np = old


class _Numpy(ModuleType):
    """numpy, to which names can be added for those who get it."""

    def __getattr__(self, name):
        return getattr(np, name)


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

    @functools.wraps(infer)
    def infer_launch(cfg):
        if torch.cuda.device_count():
            return infer(cfg)
        cfg.distributed_init_method = "env://"
        cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
        cfg.distributed_rank = int(os.environ["RANK"])
        cfg.device_id, cfg.distributed_no_spawn = 0, True
        return None

    distributed_utils._infer_torch_distributed_launch_init = infer_launch
    distributed_fairseq_model.DistributedDataParallel = _DataParallel


class _DataParallel(torch.nn.parallel.DistributedDataParallel):
    """DistributedDataParallel that takes no device for a model on the CPU."""

    def __init__(self, module, device_ids=None, output_device=None, **kwargs):
        if next(module.parameters()).device.type == "cpu":
            device_ids = output_device = None
        super().__init__(module, device_ids, output_device, **kwargs)


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
    place: a job that is killed meanwhile could not resume. Only ``checkpoint_utils`` copies this
    way. Can go when ``PathManager.copy`` does so.
    """
    checkpoint_utils.PathManager = _WholeCopies


class _WholeCopies(PathManager):
    """PathManager whose copies over an existing file replace it at once."""

    @staticmethod
    def copy(src_path, dst_path, overwrite=False):
        if not overwrite or not PathManager.supports_rename(dst_path):
            return PathManager.copy(src_path, dst_path, overwrite)
        part = f"{dst_path}.tmp"
        copied = PathManager.copy(src_path, part, overwrite)
        if copied:
            os.replace(part, dst_path)
        return copied


def leave_finished_runs_alone() -> None:
    """Let a run that is started again after its last update make none.

    fairseq looks whether ``--max-update`` is reached behind each update only, so that a job that
    was killed at its very end would make one update too many. Can go when it looks before.
    """
    cli = sys.modules.get("fairseq_cli.train")
    if not hasattr(cli, "train"):
        return  # training only; importing it would set up logging
    train = cli.train

    @functools.wraps(train)
    def train_epoch(cfg, trainer, task, epoch_itr):
        if 0 < cfg.optimization.max_update <= trainer.get_num_updates():
            return [None], True
        return train(cfg, trainer, task, epoch_itr)

    cli.train = train_epoch


def compose_without_deprecations() -> None:
    """Keep to ourselves what hydra says about the way in which fairseq calls it.

    fairseq turns the command line into its configuration with functions and a config.yaml of
    hydra 1.0, about which hydra 1.3 has five warnings, in 20 lines. No other warning is hidden.
    Can go when fairseq calls ``hydra.compose`` with a version_base.
    """
    dataclass_utils.compose = _without_deprecations(dataclass_utils.compose)
    dataclass_utils.initialize = functools.partial(  # which looks at the file of its caller
        _without_deprecations(dataclass_utils.initialize), caller_stack_depth=2
    )


_HYDRA_DEPRECATIONS = (
    r"hydra\.experimental\.\w+\(\) is no longer experimental",
    r"\s*The version_base parameter is not specified",
    r"In 'config': Usage of deprecated keyword in package header",
    r"\s*'config' is validated against ConfigStore schema with the same name",
    r"\s*The strict flag in the compose API is deprecated",
)


def _without_deprecations(function):
    @functools.wraps(function)
    def quiet(*args, **kwargs):
        with warnings.catch_warnings():
            for message in _HYDRA_DEPRECATIONS:
                warnings.filterwarnings("ignore", message, UserWarning)
            return function(*args, **kwargs)

    return quiet


def ignore_deprecations_in_fairseq() -> None:
    """Keep warnings out of the log of fairseq's programs that only its authors can act on.

    It asks for pinned memory on machines without a GPU too, and calls torch functions by their old
    names. Only fairseq's programs call this, as it changes the filters of the process; those that
    the user set with ``-W`` or PYTHONWARNINGS stay. Can go when fairseq gives no such warnings.
    """
    if sys.warnoptions:
        return
    pinned = "'pin_memory' argument is set as true but no accelerator is found"
    warnings.filterwarnings("ignore", pinned, UserWarning, r"torch\.utils\.data\.dataloader")
    renamed = r"`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is deprecated"
    warnings.filterwarnings("ignore", renamed, FutureWarning, r"fairseq\.")


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
let_fused_adamw_resume_adam()
copy_checkpoints_whole()
leave_finished_runs_alone()
compose_without_deprecations()
stop_batches_at_exit()
