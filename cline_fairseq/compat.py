"""Bridges between fairseq and current versions of torch and numpy, one function each."""

import argparse
import atexit
import contextlib
import functools
import inspect
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
from fairseq.trainer import Trainer


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


def validate_as_in_training() -> None:
    """Let ``fairseq-validate`` log what the validation of training logs.

    It builds the criterion without the parameters that the checkpoint holds, and it ignores
    ``--bf16``, ``--max-valid-steps`` and ``--combine-valid-subsets``. Can go when it validates with
    fairseq's trainer.
    """
    for cli in _modules_of("fairseq_cli.validate"):
        # Its own view of the module: other programs load checkpoints as ever.
        cli.checkpoint_utils = SimpleNamespace(load_model_ensemble_and_task=_load_to_validate)


def _modules_of(program: str):
    """Where a program of fairseq is loaded: under its name, or with ``python -m`` as __main__."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    found = [sys.modules.get(program), main if spec is not None and spec.name == program else None]
    return [module for module in found if module is not None]


def _load_to_validate(filenames, arg_overrides, suffix=""):
    """Models, options and a task that validates as fairseq's trainer does."""
    options = arg_overrides or {}
    path = checkpoint_utils.get_maybe_sharded_checkpoint_filename(filenames[0], suffix, 0, 1)
    state = None  # where there is no such file, fairseq says so
    if PathManager.exists(path):
        state = checkpoint_utils.load_checkpoint_to_cpu(path, arg_overrides)
    models, cfg, task = checkpoint_utils.load_model_ensemble_and_task(
        filenames, arg_overrides, suffix=suffix, state=state
    )
    if options.get("bf16"):
        models = [model.bfloat16() for model in models]
    build, load, iterate = task.build_criterion, task.load_dataset, task.get_batch_iterator
    reduce, parameters = task.reduce_metrics, state["criterion"]

    def build_criterion(criterion_cfg):
        criterion = build(criterion_cfg)
        if parameters:
            criterion.load_state_dict(parameters)
        return criterion

    def load_dataset(split, combine=False, **kwargs):
        load(split, combine=options.get("combine_valid_subsets", combine), **kwargs)

    def get_batch_iterator(**kwargs):
        epoch = iterate(**kwargs)
        if options.get("max_valid_steps") is not None:
            start = epoch.next_epoch_itr
            # The trainer stops after one batch more than the option says.
            count = options["max_valid_steps"] + 1
            epoch.next_epoch_itr = lambda **kwargs: start(**kwargs).take(count)
        return epoch

    def reduce_metrics(logging_outputs, criterion):
        for log in logging_outputs:  # batch by batch; bsz and wpb are means over batches
            reduce([log], criterion)

    task.build_criterion, task.load_dataset = build_criterion, load_dataset
    task.get_batch_iterator, task.reduce_metrics = get_batch_iterator, reduce_metrics
    return models, cfg, task


def time_each_run_alone() -> None:
    """Let the clock of a run that starts from another one's checkpoint begin at zero.

    fairseq goes on counting from the time that the checkpoint was trained for, so that
    ``--stop-time-hours`` ends the run too early, and fine-tuning seems to have taken the time of
    pre-training as well. Can go when the trainer resets its time along with its meters.
    """
    load = Trainer.load_checkpoint

    @functools.wraps(load)
    def load_checkpoint(self, *args, **kwargs):
        extra_state = load(self, *args, **kwargs)
        if inspect.signature(load).bind(self, *args, **kwargs).arguments.get("reset_meters"):
            self._previous_training_time = 0
        return extra_state

    Trainer.load_checkpoint = load_checkpoint


def forget_best_loss_of_learned_weights() -> None:
    """Let a run of the first version keep the best checkpoint by the loss of fixed weights.

    The first version measured the loss at validation with the learned weights of that moment. No
    later loss can be compared with the best of those, so the search starts again. Can go when no
    run of the first version is resumed any more.
    """
    upgrade = checkpoint_utils._upgrade_state_dict

    @functools.wraps(upgrade)
    def upgrade_state_dict(state):
        state = upgrade(state)
        cfg = state.get("cfg") or {}
        criterion = cfg.get("criterion") or {}
        if (
            getattr(criterion, "loss_weighting", None) == "learned"
            and "best_checkpoint_metric" not in criterion  # the first version had no such field
            and cfg.checkpoint.best_checkpoint_metric == "loss"
            and "best" in state["extra_state"]
        ):
            del state["extra_state"]["best"]
        return state

    checkpoint_utils._upgrade_state_dict = upgrade_state_dict


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
validate_as_in_training()
time_each_run_alone()
forget_best_loss_of_learned_weights()
stop_batches_at_exit()
