"""How a run of training starts, resumes and ends."""

import inspect
import logging
import sys
from collections.abc import Callable
from typing import Any

from fairseq import checkpoint_utils, models
from fairseq.trainer import Trainer

from ..training.start import claim_save_dir, require_start
from .replacing import replaces

logger = logging.getLogger(__name__)

_NO_EPOCH = -1  # for --max-epoch, where 0 means no limit


def modules_of(program: str) -> list[Any]:
    """The modules that hold a program of fairseq: its own, or __main__ with ``python -m``."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    found = [sys.modules.get(program), main if spec is not None and spec.name == program else None]
    return [module for module in found if module is not None]


@replaces(models, "build_model")
def prepare_models_of_new_runs(
    build: Callable[..., Any], cfg: Any, task: Any, from_checkpoint: bool = False
) -> Any:
    """Call a model's ``prepare(cfg, task)``, if it has one, before a new run builds the model.

    In fairseq-hydra-train, an architecture cannot tell a new run from a checkpoint that is being
    loaded, and no other method of a model is called while its options are those that were typed.

    Can go when a model's ``build_model`` gets ``from_checkpoint`` and is called before the
    architecture.
    """
    model = models.ARCH_MODEL_REGISTRY.get(getattr(cfg, "_name", None))
    if hasattr(model, "prepare") and not from_checkpoint:
        model.prepare(cfg, task)
    return build(cfg, task, from_checkpoint)


@replaces(checkpoint_utils, "load_checkpoint")
def check_where_runs_start(
    load: Callable[..., Any], cfg: Any, trainer: Trainer, **kwargs: Any
) -> Any:
    """Refuse a start that would overwrite another run, or that would silently use random weights.

    fairseq trains from scratch if the file of ``--restore-file`` is missing, and overwrites
    checkpoint_last.pt if ``--restore-file`` names another file or if another run is still
    writing it. See :mod:`..training.start`.

    Can go when fairseq refuses all three.
    """
    require_start(cfg, trainer.checkpoint_suffix)
    if trainer.is_data_parallel_master:
        claim_save_dir(cfg, trainer.checkpoint_suffix)
    return load(cfg, trainer, **kwargs)


@replaces(checkpoint_utils, "load_checkpoint")
def leave_finished_runs_alone(
    load: Callable[..., Any], cfg: Any, trainer: Trainer, **kwargs: Any
) -> Any:
    """Make no further update when a finished run is started again.

    fairseq checks ``--max-update`` and ``--stop-time-hours`` only after an update, so a job that
    was killed at its very end would make one update too many. Its training loop reads
    ``--max-epoch`` after loading the checkpoint, so this lowers it to leave no epoch for a finished
    run.

    Can go when fairseq checks before an update.
    """
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


@replaces(Trainer, "load_checkpoint")
def time_each_run_alone(
    load: Callable[..., Any], trainer: Trainer, *args: Any, **kwargs: Any
) -> Any:
    """Start the clock of a run at zero if it starts from the checkpoint of another run.

    fairseq adds the training time of the checkpoint, so ``--stop-time-hours`` ends the run too
    early, and fine-tuning seems to include the time of pre-training.

    Can go when the trainer resets its time together with its meters.
    """
    extra_state = load(trainer, *args, **kwargs)
    if inspect.signature(load).bind(trainer, *args, **kwargs).arguments.get("reset_meters"):
        trainer._previous_training_time = 0
    return extra_state
