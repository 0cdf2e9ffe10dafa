"""Bridges between fairseq and current versions of torch and numpy, one function each."""

import argparse
import atexit
import contextlib
import functools
import queue
import threading
import time
from types import SimpleNamespace

import numpy as np
import torch
from fairseq import checkpoint_utils
from fairseq.data.iterators import BackgroundConsumer
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model


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
stop_batches_at_exit()
