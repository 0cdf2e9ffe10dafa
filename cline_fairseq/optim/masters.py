"""What a checkpoint must contain for half-precision training to resume exactly.

With ``--fp16`` and ``--bf16``, fairseq updates an fp32 copy of the weights (the masters), but saves
only the half-precision model that is rounded from it. Here the masters and the counters of the loss
scaler are saved with the state of the optimizer, where fairseq ignores them.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from fairseq.optim import FP16Optimizer, MemoryEfficientFP16Optimizer
from torch import Tensor

logger = logging.getLogger(__name__)

_MASTERS, _SCALER = "fp32_params", "loss_scaler"
_SCALER_COUNTERS = (
    "_iter",
    "_last_overflow_iter",
    "_last_rescale_iter",
    "_overflows_since_rescale",
)


def exact_state(optimizer: FP16Optimizer | MemoryEfficientFP16Optimizer) -> dict[str, Any]:
    """Return what is missing from fairseq's state of a half-precision optimizer.

    It consists of plain data and tensors.
    """
    state = {}
    if optimizer.scaler is not None:
        state[_SCALER] = {name: getattr(optimizer.scaler, name) for name in _SCALER_COUNTERS}
    if hasattr(optimizer, "fp32_params"):
        state[_MASTERS] = _masters(optimizer)
    return state


def restore_exact_state(
    optimizer: FP16Optimizer | MemoryEfficientFP16Optimizer, state: dict[str, Any]
) -> None:
    """Restore what :func:`exact_state` returned.

    Load the model first: masters that do not round to it are not used.

    Args:
        optimizer: a half-precision optimizer of fairseq.
        state: its state in a checkpoint, which may lack these entries.
    """
    if optimizer.scaler is not None:
        for name, value in state.get(_SCALER, {}).items():
            setattr(optimizer.scaler, name, value)
    if hasattr(optimizer, "fp32_params") and _MASTERS in state:
        saved = state[_MASTERS]
        if round_to(saved, optimizer.fp16_params):
            for master, value in zip(_masters(optimizer), saved, strict=True):
                master.copy_(value)


def round_to(masters: Iterable[Tensor], params: Iterable[Tensor]) -> bool:
    """Return whether fp32 masters round to the half-precision parameters; if not, log a warning.

    They do not if the model of a checkpoint was changed, for example averaged with others.

    Args:
        masters: fp32 tensors.
        params: as many parameters, in fp16 or bf16.
    """
    masters, params = list(masters), list(params)
    fits = len(masters) == len(params) and all(
        master.shape == param.shape and torch.equal(master.to(param), param.detach())
        for master, param in zip(masters, params, strict=True)
    )
    if not fits:
        logger.warning(
            "the fp32 weights in the checkpoint do not round to its model, which was changed or "
            "trained in another precision: training continues from the model's weights"
        )
    return fits


def _masters(optimizer):
    """Return the fp32 copy of each parameter, a view of it if fairseq keeps one flat tensor."""
    if not optimizer.has_flat_params:
        return [param.detach() for param in optimizer.fp32_params]
    masters, used = [], defaultdict(int)
    for param in optimizer.fp16_params:
        device = param.device.index
        flat = optimizer.fp32_params[device].detach()
        masters.append(flat.narrow(0, used[device], param.numel()).view_as(param))
        used[device] += param.numel()
    return masters
