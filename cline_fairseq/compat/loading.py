"""Which checkpoints fairseq loads, and what it makes of older ones."""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.trainer import Trainer

from ..errors import InputError
from ..models.from_checkpoint import plain_errors
from ..safe_load import safe_load
from .replacing import replaces


def allow_fairseq_checkpoints() -> None:
    """Let torch load the one class in fairseq's checkpoints that it does not know.

    Since version 2.6, ``torch.load`` accepts only plain data (weights_only), but fairseq stores the
    options of legacy models as an argparse.Namespace. A checkpoint with any other class is still
    refused. This applies to the whole process; a namespace is plain data and runs no code.

    Can go when fairseq stores plain dictionaries.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def load_checkpoints_with_weights_only() -> None:
    """Make fairseq load checkpoints with weights_only, and report failures in one sentence.

    fairseq's main branch passes weights_only=False, which runs any code in the file, and torch's
    errors for a truncated file suggest a bug in torch. Only the name ``torch`` in fairseq's
    checkpoint module is replaced; ``torch.load`` does not change for any other code.

    Can go when fairseq passes True and reports such files itself.
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
                f"{path} is not a fairseq checkpoint (it holds no model): specify the .pt file of "
                "a CLINE or RoBERTa model"
            )
        return state


@replaces(checkpoint_utils, "_upgrade_state_dict")
def accept_checkpoints_without_criterion(upgrade: Callable[..., Any], state: dict) -> dict:
    """Let a criterion with parameters start from a checkpoint without them.

    fairseq's trainer reads ``state["criterion"]``, which published RoBERTa checkpoints lack. The
    entry is set to None, as in newer checkpoints of criterions without parameters.

    Can go when the trainer checks whether the entry exists.
    """
    state = upgrade(state)
    state.setdefault("criterion", None)
    return state


def let_fused_adamw_resume_adam() -> None:
    """Let ``--optimizer fused_adamw`` resume a run with ``--optimizer adam``.

    fairseq's trainer compares the names of the optimizers' classes, although the states are the
    same.

    Can go when the trainer asks the optimizer whether it can load the state.
    """
    takes_over = False

    @replaces(Trainer, "load_checkpoint")
    def notice_optimizer(load, trainer, *args, **kwargs):
        nonlocal takes_over
        takes_over = getattr(trainer.cfg.optimizer, "_name", None) == "fused_adamw"
        try:
            return load(trainer, *args, **kwargs)
        finally:
            takes_over = False

    @replaces(checkpoint_utils, "_upgrade_state_dict")
    def rename_optimizer(upgrade, state):
        state = upgrade(state)
        history = state.get("optimizer_history") or [{}]
        if takes_over and history[-1].get("optimizer_name") == "FairseqAdam":
            history[-1]["optimizer_name"] = "FusedAdamW"
        return state

    notice_optimizer()
    rename_optimizer()


@replaces(checkpoint_utils, "_upgrade_state_dict")
def forget_best_loss_of_learned_weights(upgrade: Callable[..., Any], state: dict) -> dict:
    """Let a run of version 0.1 choose its best checkpoint by the loss with fixed weights.

    Version 0.1 validated with the weights learned so far. Later losses cannot be compared with the
    best of those, so the search for the best checkpoint starts again.

    Can go when runs of version 0.1 no longer need to be resumed.
    """
    state = upgrade(state)
    cfg: Any = state.get("cfg") or {}
    criterion = cfg.get("criterion") or {}
    if (
        getattr(criterion, "loss_weighting", None) == "learned"
        and "best_checkpoint_metric" not in criterion  # version 0.1 had no such field
        and cfg.checkpoint.best_checkpoint_metric == "loss"
        and "best" in state["extra_state"]
    ):
        del state["extra_state"]["best"]
    return state


@replaces(checkpoint_utils, "load_checkpoint")
def tell_tasks_of_unrecorded_runs(
    load: Callable[..., Any], cfg: Any, trainer: Trainer, **kwargs: Any
) -> tuple:
    """Call a task's ``set_checkpoint_dict`` even if the resumed run recorded nothing for it.

    fairseq calls it only with what ``get_checkpoint_dict`` returned when the checkpoint was saved,
    so a task does not learn of checkpoints that are older than this method.

    Can go when checkpoints of version 0.1 no longer need to be resumed.
    """
    extra_state, epoch_itr = load(cfg, trainer, **kwargs)
    task = trainer.task
    resumed = extra_state is not None and trainer.get_num_updates() > 0
    if resumed and type(task).__name__ not in extra_state:
        getattr(task, "set_checkpoint_dict", lambda record: None)({})
    return extra_state, epoch_itr
