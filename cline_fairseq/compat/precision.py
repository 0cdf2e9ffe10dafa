"""Training in half precision, on GPUs and CPUs."""

import functools
from collections.abc import Callable
from typing import Any

import torch
from fairseq import utils
from fairseq.distributed import utils as distributed_utils
from fairseq.optim import FP16Optimizer, MemoryEfficientFP16Optimizer
from fairseq.trainer import Trainer

from ..errors import InputError
from ..optim.masters import exact_state, restore_exact_state
from .replacing import replaces


@replaces(distributed_utils, "call_main")
def train_in_bf16_without_tpu(call: Callable[..., Any], cfg: Any, main: Any, **kwargs: Any) -> Any:
    """Let ``--bf16`` train on GPUs and CPUs.

    fairseq's command line takes the option to mean TPUs, and fails because torch_xla is missing.

    Can go when ``fairseq.options`` no longer sets ``tpu`` together with ``bf16``.
    """
    if utils.xm is None:
        cfg.common.tpu = cfg.distributed_training.tpu = False
    return call(cfg, main, **kwargs)


@replaces(Trainer, "__init__")
def refuse_fp16_without_gpu(
    init: Callable[..., None], trainer: Trainer, cfg: Any, *args: Any, **kwargs: Any
) -> None:
    """End training with ``--fp16`` or ``--amp`` on a CPU with a one-sentence error.

    fairseq calls CUDA for flat fp32 weights and when gradients overflow, and fails there with an
    error of torch; its ``--amp`` has no effect without CUDA.

    Can go when fairseq refuses these options.
    """
    _check_precision(getattr(cfg, "common", cfg))
    init(trainer, cfg, *args, **kwargs)


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

    Can go when fairseq saves both.
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
