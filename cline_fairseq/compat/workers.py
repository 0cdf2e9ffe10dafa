"""Several workers of training, and those of the data loader."""

import atexit
import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from fairseq.data.iterators import BackgroundConsumer, EpochBatchIterator
from fairseq.distributed import utils as distributed_utils
from fairseq.models import distributed_fairseq_model
from fairseq.trainer import Trainer
from omegaconf import OmegaConf

from ..training import worker_deaths
from .replacing import replaces
from .runs import modules_of


def allow_distributed_cpu() -> None:
    """Let torchrun start workers on a machine without GPUs, with ``--ddp-backend c10d``.

    fairseq divides by the number of GPUs to choose a worker's device, and passes a device to
    DistributedDataParallel, which accepts none for models on the CPU.

    Can go when fairseq checks the device of the model.
    """
    _infer_launch()
    distributed_fairseq_model.DistributedDataParallel = _DataParallel


@replaces(distributed_utils, "_infer_torch_distributed_launch_init")
def _infer_launch(infer, cfg):
    if torch.cuda.device_count():
        return infer(cfg)
    cfg.distributed_init_method = "env://"
    cfg.distributed_world_size = int(os.environ["WORLD_SIZE"])
    cfg.distributed_rank = int(os.environ["RANK"])
    cfg.device_id, cfg.distributed_no_spawn = 0, True
    return None


class _DataParallel(torch.nn.parallel.DistributedDataParallel):
    """DistributedDataParallel that ignores the device for a model on the CPU."""

    def __init__(self, module, device_ids=None, output_device=None, **kwargs):
        if next(module.parameters()).device.type == "cpu":
            device_ids = output_device = None
        super().__init__(module, device_ids, output_device, **kwargs)


@replaces(distributed_utils, "broadcast_object")
def broadcast_checkpoints(
    broadcast: Callable[..., Any], obj: Any, *args: Any, **kwargs: Any
) -> Any:
    """Let runs with several workers resume.

    The first worker loads the checkpoint and sends it to the others, which since torch 2.6 load it
    with weights_only. This refuses two of fairseq's own classes: the configuration, which is sent
    as plain data here, and the placeholders for tensors, which are allowed here.

    Can go when fairseq sends plain data.
    """
    if isinstance(obj, dict) and OmegaConf.is_config(obj.get("cfg")):
        obj = {**obj, "cfg": OmegaConf.to_container(obj["cfg"], enum_to_str=True)}
    with torch.serialization.safe_globals([distributed_utils._TensorPlaceholder]):
        return broadcast(obj, *args, **kwargs)


@replaces(Trainer, "_prepare_sample")
def tell_criterions_of_dummy_batches(
    prepare: Callable[..., Any], trainer: Trainer, *args: Any, **kwargs: Any
) -> tuple:
    """Mark the batch that a worker gets in place of a missing one with ``is_dummy``.

    If the number of batches is not a multiple of the number of workers, fairseq's trainer repeats
    an old batch on the remaining workers and ignores its loss. A criterion that uses the texts of
    other workers as negatives must skip these.

    Can go when fairseq tells criterions which batches are dummies.
    """
    sample, is_dummy = prepare(trainer, *args, **kwargs)
    return ({**sample, "is_dummy": True} if is_dummy else sample), is_dummy


def keep_incomplete_groups(iterator: EpochBatchIterator) -> None:
    """Keep the batches that do not fill a group with ``--grouped-shuffling``.

    fairseq shuffles groups of one batch per worker and drops the remaining batches. Empty batches
    complete the last group; a worker that gets one has nothing to do.

    Can go when ``EpochBatchIterator.ordered_batches`` keeps the last group.
    """
    if iterator.grouped_shuffling:
        missing = -len(iterator.frozen_batches) % iterator.num_shards
        iterator._frozen_batches += ([],) * missing


def survive_worker_deaths() -> None:
    """Make ``fairseq-train`` save the last update when a data loading worker dies.

    fairseq ends with a traceback and loses all updates since the last checkpoint. See
    :mod:`..training.worker_deaths`.

    Can go when fairseq saves a checkpoint itself.
    """
    for cli in modules_of("fairseq_cli.train"):
        worker_deaths.survive(cli)


@replaces(Trainer, "get_valid_iterator")
def end_workers_of_validation(
    get: Callable[..., Any], trainer: Trainer, *args: Any, **kwargs: Any
) -> Any:
    """End the data loading workers of a validation together with it.

    fairseq creates a DataLoader with persistent workers for each validation. They stay until Python
    collects the reference cycle that contains them. By then their queues are closed, so they are
    not told to end, and the run waits five seconds for them, usually while it saves a checkpoint.

    Can go when ``Trainer.get_valid_iterator`` asks for workers that are not persistent.
    """
    iterator = get(trainer, *args, **kwargs)
    iterator.persistent_workers = False
    return iterator


def stop_batches_at_exit() -> None:
    """End fairseq's threads that prepare batches before Python shuts down.

    They are daemon threads. If training ends within an epoch, Python kills them at exit, and one
    that is running torch code aborts the process ("terminate called without an active exception"),
    which then has an exit status other than 0.

    Can go when fairseq ends its threads.
    """
    atexit.register(_stop_batches)


def _stop_batches(patience: float = 10.0):
    deadline = time.monotonic() + patience
    for thread in threading.enumerate():
        if isinstance(thread, BackgroundConsumer):
            thread._max_len = 0  # it ends after its current batch
            while thread.is_alive() and time.monotonic() < deadline:
                with contextlib.suppress(queue.Empty):
                    thread._queue.get_nowait()  # it may be waiting for space in the queue
                thread.join(0.01)
