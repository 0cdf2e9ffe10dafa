"""Bridges between fairseq and current versions of torch, numpy and hydra, one function each.

Importing this module applies them; the package does so when it registers with fairseq. They change
only fairseq's own modules (and one property of hydra): other code sees torch and numpy unchanged.
Each function says why it exists, with which versions it was tested, and when it can go.
"""

import argparse
import atexit
import contextlib
import functools
import inspect
import logging
import os
import queue
import shutil
import sys
import threading
import time
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from fairseq import checkpoint_utils, models, utils
from fairseq.data import data_utils, language_pair_dataset, token_block_dataset
from fairseq.data.iterators import BackgroundConsumer, EpochBatchIterator
from fairseq.dataclass import utils as dataclass_utils
from fairseq.distributed import utils as distributed_utils
from fairseq.file_io import PathManager
from fairseq.models import distributed_fairseq_model
from fairseq.optim import FP16Optimizer, MemoryEfficientFP16Optimizer
from fairseq.trainer import Trainer
from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from .errors import InputError
from .models.from_checkpoint import plain_errors
from .optim.masters import exact_state, restore_exact_state
from .runtime.full_disk import no_room
from .runtime.terminal import printable
from .safe_load import safe_load
from .training import worker_deaths
from .training.saving import last_checkpoint_named
from .training.start import claim_save_dir, require_start

logger = logging.getLogger(__name__)

_NO_EPOCH = -1  # for --max-epoch, where 0 means no limit


def allow_fairseq_checkpoints() -> None:
    """Let torch load the one class in fairseq's checkpoints that it does not know.

    Since version 2.6, ``torch.load`` accepts only plain data (weights_only), but fairseq stores the
    options of legacy models as an argparse.Namespace. A checkpoint with any other class is still
    refused. This applies to the whole process; a namespace is plain data and runs no code.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq stores plain dictionaries.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def restore_numpy_aliases() -> None:
    """Provide fairseq's datasets with aliases that numpy removed.

    ``TokenBlockDataset`` (with ``--sample-break-mode eos``) and ``LanguagePairDataset`` use
    ``np.compat.long``, removed in numpy 2.0; ``compute_mask_indices`` uses ``np.int``, removed in
    1.24. Only these three modules see the aliases.

    Tested with ve-fairseq 0.12.3 and numpy 2.4. Can go when fairseq writes ``int``.
    """
    old = _Numpy("numpy")
    for module in (data_utils, language_pair_dataset, token_block_dataset):
        module.np = old


class _Numpy(ModuleType):
    """numpy with two of its former aliases."""

    compat = SimpleNamespace(long=int)
    int = int

    def __getattr__(self, name):
        return getattr(np, name)


def accept_checkpoints_without_criterion() -> None:
    """Let a criterion with parameters start from a checkpoint without them.

    fairseq's trainer reads ``state["criterion"]``, which published RoBERTa checkpoints lack. The
    entry is set to None, as in newer checkpoints of criterions without parameters.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when the trainer checks whether the entry
    exists.
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

    fairseq divides by the number of GPUs to choose a worker's device, and passes a device to
    DistributedDataParallel, which accepts none for models on the CPU.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq checks the device of the
    model.
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
    """DistributedDataParallel that ignores the device for a model on the CPU."""

    def __init__(self, module, device_ids=None, output_device=None, **kwargs):
        if next(module.parameters()).device.type == "cpu":
            device_ids = output_device = None
        super().__init__(module, device_ids, output_device, **kwargs)


def train_in_bf16_without_tpu() -> None:
    """Let ``--bf16`` train on GPUs and CPUs.

    fairseq's command line takes the option to mean TPUs, and fails because torch_xla is missing.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when ``fairseq.options`` no longer sets
    ``tpu`` together with ``bf16``.
    """
    call = distributed_utils.call_main

    @functools.wraps(call)
    def call_main(cfg, main, **kwargs):
        if utils.xm is None:
            cfg.common.tpu = cfg.distributed_training.tpu = False
        return call(cfg, main, **kwargs)

    distributed_utils.call_main = call_main


def refuse_fp16_without_gpu() -> None:
    """End training with ``--fp16`` or ``--amp`` on a CPU with a one-sentence error.

    fairseq calls CUDA for flat fp32 weights and when gradients overflow, and fails there with an
    error of torch; its ``--amp`` has no effect without CUDA.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq refuses these options.
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


def resume_half_precision_exactly() -> None:
    """Save the fp32 weights of half-precision training, and the counters of its loss scaler.

    fairseq saves only the half-precision model, so a resumed run starts from rounded weights and
    its losses differ from those of an uninterrupted run.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq saves both.
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
    """Let ``--optimizer fused_adamw`` resume a run with ``--optimizer adam``.

    fairseq's trainer compares the names of the optimizers' classes, although the states are the
    same.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when the trainer asks the optimizer whether
    it can load the state.
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
    """Make a copy of a checkpoint appear only when it is complete.

    fairseq writes a checkpoint under a temporary name, but then copies it to checkpoint_last.pt in
    place: a job that is killed meanwhile could not resume. Only ``checkpoint_utils`` uses this
    copy.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when ``PathManager.copy`` renames a
    complete copy.
    """
    checkpoint_utils.PathManager = _WholeCopies


class _WholeCopies(PathManager):
    """PathManager whose copies over an existing file replace it at once."""

    @staticmethod
    def copy(src_path, dst_path, overwrite=False):
        if not overwrite or not PathManager.supports_rename(dst_path):
            return PathManager.copy(src_path, dst_path, overwrite)
        part = f"{dst_path}.tmp"
        shutil.copyfile(src_path, part)  # PathManager would log an error rather than raise it
        os.replace(part, dst_path)
        return True


def name_last_checkpoint_on_full_disks() -> None:
    """End training on a full disk with a sentence that names the last complete checkpoint.

    fairseq tries to save three times, shows a traceback, and leaves an unfinished file behind.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq does none of this.
    """
    persist, save = checkpoint_utils._torch_persistent_save, checkpoint_utils.save_checkpoint

    @functools.wraps(persist)
    def persist_once_on_full_disks(obj, file):
        try:
            torch.save(obj, file)
        except (OSError, RuntimeError) as error:
            if no_room(error):
                raise
            persist(obj, file)

    @functools.wraps(save)
    def save_checkpoint(cfg, trainer, *args, **kwargs):
        with last_checkpoint_named(cfg.save_dir, trainer.checkpoint_suffix):
            return save(cfg, trainer, *args, **kwargs)

    checkpoint_utils._torch_persistent_save = persist_once_on_full_disks
    checkpoint_utils.save_checkpoint = save_checkpoint


def leave_finished_runs_alone() -> None:
    """Make no further update when a finished run is started again.

    fairseq checks ``--max-update`` and ``--stop-time-hours`` only after an update, so a job that
    was killed at its very end would make one update too many. Its training loop reads
    ``--max-epoch`` after loading the checkpoint, so this lowers it to leave no epoch for a finished
    run.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq checks before an update.
    """
    load = checkpoint_utils.load_checkpoint

    @functools.wraps(load)
    def load_checkpoint(cfg, trainer, **kwargs):
        loaded = load(cfg, trainer, **kwargs)
        limits = trainer.cfg.optimization
        hours = trainer.cumulative_training_time() / 3600
        if 0 < limits.max_update <= trainer.get_num_updates():
            logger.info("--max-update %s is already reached: nothing to do", limits.max_update)
            limits.max_epoch = _NO_EPOCH
        elif 0 < limits.stop_time_hours < hours:
            logger.info(
                "--stop-time-hours %s is already reached: nothing to do", limits.stop_time_hours
            )
            limits.max_epoch = _NO_EPOCH
        return loaded

    checkpoint_utils.load_checkpoint = load_checkpoint


def check_where_runs_start() -> None:
    """Refuse a start that would overwrite another run, or that would silently use random weights.

    fairseq trains from scratch if the file of ``--restore-file`` is missing, and overwrites
    checkpoint_last.pt if ``--restore-file`` names another file or if another run is still
    writing it. See :mod:`.training.start`.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq refuses all three.
    """
    load = checkpoint_utils.load_checkpoint

    @functools.wraps(load)
    def load_checkpoint(cfg, trainer, **kwargs):
        require_start(cfg, trainer.checkpoint_suffix)
        if trainer.is_data_parallel_master:
            claim_save_dir(cfg, trainer.checkpoint_suffix)
        return load(cfg, trainer, **kwargs)

    checkpoint_utils.load_checkpoint = load_checkpoint


def tell_tasks_of_unrecorded_runs() -> None:
    """Call a task's ``set_checkpoint_dict`` even if the resumed run recorded nothing for it.

    fairseq calls it only with what ``get_checkpoint_dict`` returned when the checkpoint was saved,
    so a task does not learn of checkpoints that are older than this method.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when checkpoints of version 0.1 no longer
    need to be resumed.
    """
    load = checkpoint_utils.load_checkpoint

    @functools.wraps(load)
    def load_checkpoint(cfg, trainer, **kwargs):
        extra_state, epoch_itr = load(cfg, trainer, **kwargs)
        task = trainer.task
        resumed = extra_state is not None and trainer.get_num_updates() > 0
        if resumed and type(task).__name__ not in extra_state:
            getattr(task, "set_checkpoint_dict", lambda record: None)({})
        return extra_state, epoch_itr

    checkpoint_utils.load_checkpoint = load_checkpoint


def load_checkpoints_with_weights_only() -> None:
    """Make fairseq load checkpoints with weights_only, and report failures in one sentence.

    fairseq's main branch passes weights_only=False, which runs any code in the file, and torch's
    errors for a truncated file suggest a bug in torch. Only the name ``torch`` in fairseq's
    checkpoint module is replaced; ``torch.load`` does not change for any other code.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq passes True and reports such
    files itself.
    """
    checkpoint_utils.torch = _TorchLoadingWeightsOnly()


class _TorchLoadingWeightsOnly:
    """The module torch with a ``load`` that accepts only plain data."""

    def __getattr__(self, name):
        return getattr(torch, name)

    def load(self, file, *args, **kwargs):
        path = file.name  # fairseq opens it
        with plain_errors(path):
            state = safe_load(file, *args, **kwargs)
        if not isinstance(state, dict) or "model" not in state:
            raise InputError(
                f"{path} is not a fairseq checkpoint, it holds no model: specify the .pt file "
                "of a CLINE or RoBERTa model"
            )
        return state


def broadcast_checkpoints() -> None:
    """Let runs with several workers resume.

    The first worker loads the checkpoint and sends it to the others, which since torch 2.6 load it
    with weights_only. This refuses two of fairseq's own classes: the configuration, which is sent
    as plain data here, and the placeholders for tensors, which are allowed here.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq sends plain data.
    """
    broadcast = distributed_utils.broadcast_object
    classes = [distributed_utils._TensorPlaceholder]

    @functools.wraps(broadcast)
    def broadcast_object(obj, *args, **kwargs):
        if isinstance(obj, dict) and OmegaConf.is_config(obj.get("cfg")):
            obj = {**obj, "cfg": OmegaConf.to_container(obj["cfg"], enum_to_str=True)}
        with torch.serialization.safe_globals(classes):
            return broadcast(obj, *args, **kwargs)

    distributed_utils.broadcast_object = broadcast_object


def show_input_errors_plainly_under_hydra() -> None:
    """Make an input error in fairseq-hydra-train end with only its message and exit status 1.

    hydra catches the exceptions of a job and prints its overrides and a traceback, so
    ``sys.excepthook`` is never called.

    Tested with hydra 1.3. Can go when hydra lets a program show its own errors.
    """
    shown = vars(JobReturn)["return_value"]

    def return_value(self):
        if isinstance(self._return_value, InputError):
            raise SystemExit(f"error: {printable(str(self._return_value), layout='')}")
        return shown.fget(self)

    replaced = property(return_value, shown.fset)
    JobReturn.return_value = replaced  # type: ignore[method-assign,assignment]


def compose_without_deprecations() -> None:
    """Hide hydra's warnings about the way in which fairseq calls it.

    fairseq turns the command line into its configuration with functions and a config.yaml of
    hydra 1.0, about which hydra 1.3 shows five warnings in 20 lines. No other warning is hidden.

    Tested with ve-fairseq 0.12.3 and hydra 1.3. Can go when fairseq calls ``hydra.compose`` with a
    version_base.
    """
    dataclass_utils.compose = _without_deprecations(dataclass_utils.compose)
    dataclass_utils.initialize = functools.partial(  # it looks at the file of its caller
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


def survive_worker_deaths() -> None:
    """Make ``fairseq-train`` save the last update when a data loading worker dies.

    fairseq ends with a traceback and loses all updates since the last checkpoint. See
    :mod:`.training.worker_deaths`.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq saves a checkpoint itself.
    """
    for cli in _modules_of("fairseq_cli.train"):
        worker_deaths.survive(cli)


def ignore_deprecations_in_fairseq() -> None:
    """Hide warnings in the log of fairseq's programs that only fairseq's authors can act on.

    fairseq asks for pinned memory even without a GPU, and calls torch functions by their old names.
    Only fairseq's programs call this function, since it changes the warning filters of the process;
    it respects filters set with ``-W`` or PYTHONWARNINGS.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq causes no such warnings.
    """
    if sys.warnoptions:
        return
    pinned = "'pin_memory' argument is set as true but no accelerator is found"
    warnings.filterwarnings("ignore", pinned, UserWarning, r"torch\.utils\.data\.dataloader")
    renamed = r"`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is deprecated"
    warnings.filterwarnings("ignore", renamed, FutureWarning, r"fairseq\.")


def keep_incomplete_groups(iterator: EpochBatchIterator) -> None:
    """Keep the batches that do not fill a group with ``--grouped-shuffling``.

    fairseq shuffles groups of one batch per worker and drops the remaining batches. Empty batches
    complete the last group; a worker that gets one has nothing to do.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when ``EpochBatchIterator.ordered_batches``
    keeps the last group.
    """
    if iterator.grouped_shuffling:
        missing = -len(iterator.frozen_batches) % iterator.num_shards
        iterator._frozen_batches += ([],) * missing


def prepare_models_of_new_runs() -> None:
    """Call a model's ``prepare(cfg, task)``, if it has one, before a new run builds the model.

    In fairseq-hydra-train, an architecture cannot tell a new run from a checkpoint that is being
    loaded, and no other method of a model is called while its options are those that were typed.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when a model's ``build_model`` gets
    ``from_checkpoint`` and is called before the architecture.
    """
    build = models.build_model

    @functools.wraps(build)
    def build_model(cfg, task, from_checkpoint=False):
        model = models.ARCH_MODEL_REGISTRY.get(getattr(cfg, "_name", None))
        if hasattr(model, "prepare") and not from_checkpoint:
            model.prepare(cfg, task)
        return build(cfg, task, from_checkpoint)

    models.build_model = build_model


def validate_as_in_training() -> None:
    """Make ``fairseq-validate`` log the same metrics as validation during training.

    It builds the criterion without the parameters in the checkpoint, and it ignores ``--bf16``,
    ``--max-valid-steps`` and ``--combine-valid-subsets``.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when it validates with fairseq's trainer.
    """
    for cli in _modules_of("fairseq_cli.validate"):
        # Only its own view of the module changes: other programs load checkpoints as before.
        cli.checkpoint_utils = SimpleNamespace(load_model_ensemble_and_task=_load_to_validate)


def _modules_of(program: str):
    """The modules that hold a program of fairseq: its own, or __main__ with ``python -m``."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    found = [sys.modules.get(program), main if spec is not None and spec.name == program else None]
    return [module for module in found if module is not None]


def _load_to_validate(filenames, arg_overrides, suffix=""):
    """Load models, options and a task that validates like fairseq's trainer."""
    options = arg_overrides or {}
    path = checkpoint_utils.get_maybe_sharded_checkpoint_filename(filenames[0], suffix, 0, 1)
    state = None  # if the file is missing, fairseq reports it
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
            # The trainer validates one batch more than the option says.
            count = options["max_valid_steps"] + 1
            epoch.next_epoch_itr = lambda **kwargs: start(**kwargs).take(count)
        return epoch

    def reduce_metrics(logging_outputs, criterion):
        for log in logging_outputs:  # one at a time, because bsz and wpb are means over batches
            reduce([log], criterion)

    task.build_criterion, task.load_dataset = build_criterion, load_dataset
    task.get_batch_iterator, task.reduce_metrics = get_batch_iterator, reduce_metrics
    return models, cfg, task


def time_each_run_alone() -> None:
    """Start the clock of a run at zero if it starts from the checkpoint of another run.

    fairseq adds the training time of the checkpoint, so ``--stop-time-hours`` ends the run too
    early, and fine-tuning seems to include the time of pre-training.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when the trainer resets its time together
    with its meters.
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
    """Let a run of version 0.1 choose its best checkpoint by the loss with fixed weights.

    Version 0.1 validated with the weights learned so far. Later losses cannot be compared with the
    best of those, so the search for the best checkpoint starts again.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when runs of version 0.1 no longer need to
    be resumed.
    """
    upgrade = checkpoint_utils._upgrade_state_dict

    @functools.wraps(upgrade)
    def upgrade_state_dict(state):
        state = upgrade(state)
        cfg = state.get("cfg") or {}
        criterion = cfg.get("criterion") or {}
        if (
            getattr(criterion, "loss_weighting", None) == "learned"
            and "best_checkpoint_metric" not in criterion  # version 0.1 had no such field
            and cfg.checkpoint.best_checkpoint_metric == "loss"
            and "best" in state["extra_state"]
        ):
            del state["extra_state"]["best"]
        return state

    checkpoint_utils._upgrade_state_dict = upgrade_state_dict


def tell_criterions_of_dummy_batches() -> None:
    """Mark the batch that a worker gets in place of a missing one with ``is_dummy``.

    If the number of batches is not a multiple of the number of workers, fairseq's trainer repeats
    an old batch on the remaining workers and ignores its loss. A criterion that uses the texts of
    other workers as negatives must skip these.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq tells criterions which batches
    are dummies.
    """
    prepare = Trainer._prepare_sample

    @functools.wraps(prepare)
    def prepare_sample(self, *args, **kwargs):
        sample, is_dummy = prepare(self, *args, **kwargs)
        return ({**sample, "is_dummy": True} if is_dummy else sample), is_dummy

    Trainer._prepare_sample = prepare_sample


def end_workers_of_validation() -> None:
    """End the data loading workers of a validation together with it.

    fairseq creates a DataLoader with persistent workers for each validation. They stay until Python
    collects the reference cycle that contains them. By then their queues are closed, so they are
    not told to end, and the run waits five seconds for them, usually while it saves a checkpoint.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when ``Trainer.get_valid_iterator`` asks
    for workers that are not persistent.
    """
    get = Trainer.get_valid_iterator

    @functools.wraps(get)
    def get_valid_iterator(self, *args, **kwargs):
        iterator = get(self, *args, **kwargs)
        iterator.persistent_workers = False
        return iterator

    Trainer.get_valid_iterator = get_valid_iterator


def stop_batches_at_exit() -> None:
    """End fairseq's threads that prepare batches before Python shuts down.

    They are daemon threads. If training ends within an epoch, Python kills them at exit, and one
    that is running torch code aborts the process ("terminate called without an active exception"),
    which then has an exit status other than 0.

    Tested with ve-fairseq 0.12.3 and torch 2.13. Can go when fairseq ends its threads.
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


allow_fairseq_checkpoints()
restore_numpy_aliases()
accept_checkpoints_without_criterion()
allow_distributed_cpu()
train_in_bf16_without_tpu()
refuse_fp16_without_gpu()
resume_half_precision_exactly()
let_fused_adamw_resume_adam()
copy_checkpoints_whole()
name_last_checkpoint_on_full_disks()
leave_finished_runs_alone()
compose_without_deprecations()
tell_tasks_of_unrecorded_runs()
check_where_runs_start()
load_checkpoints_with_weights_only()
broadcast_checkpoints()
show_input_errors_plainly_under_hydra()
prepare_models_of_new_runs()
validate_as_in_training()
time_each_run_alone()
forget_best_loss_of_learned_weights()
tell_criterions_of_dummy_batches()
end_workers_of_validation()
stop_batches_at_exit()
