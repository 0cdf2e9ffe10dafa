"""AdamW that updates all parameters in one kernel: apex's if it is installed, else torch's."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer, register_optimizer
from omegaconf import II
from torch import nn

from ..errors import InputError
from .low_precision_adamw import LowPrecisionAdamW

logger = logging.getLogger(__name__)


@dataclass
class FusedAdamWConfig(FairseqDataclass):
    """Options of the optimizer, named like those of ``adam``."""

    adam_betas: Any = field(
        default=(0.9, 0.999),
        metadata={"help": "decay rates of the two moments, e.g. '(0.9, 0.999)'"},
    )
    adam_eps: float = field(default=1e-8, metadata={"help": "term added to the denominator"})
    weight_decay: float = field(default=0.01, metadata={"help": "decoupled weight decay"})
    decay_matrices_only: bool = field(
        default=False,
        metadata={
            "help": "no weight decay for biases, layer norms and learned loss weights (with "
            "--fp16, this needs --fp16-no-flatten-grads)"
        },
    )
    lr: list[float] = II("optimization.lr")
    seed: int = II("common.seed")


@register_optimizer("fused_adamw", dataclass=FusedAdamWConfig)
class FusedAdamW(FairseqOptimizer):
    """Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101), fused.

    apex's FusedAdam is used for fp32 parameters on a GPU if apex is installed. Otherwise torch's
    fused AdamW is, on CUDA and CPU, and also for parameters in fp16 or bf16
    (``--memory-efficient-*``), with its state in fp32. The log says which one runs.

    Runs that were started with ``--optimizer adam`` can be continued.

    Args:
        cfg: the options of the optimizer.
        params: the parameters, in the order of the model.
    """

    def __init__(self, cfg: FusedAdamWConfig, params: Iterable[nn.Parameter]):
        super().__init__(cfg)
        params = list(params)
        # The indices of the parameters of each group, in the order of the model.
        matrices = [i for i, p in enumerate(params) if p.dim() > 1]
        others = [i for i, p in enumerate(params) if p.dim() <= 1]
        self._split = [group for group in (matrices, others) if group]
        self._groups = self._split if cfg.decay_matrices_only else [list(range(len(params)))]
        groups = [{"params": [params[i] for i in group]} for group in self._groups]
        apex = _apex_fused_adam(params)
        self._is_apex = apex is not None
        if self._is_apex:
            logger.info("fused_adamw: apex FusedAdam")
            self._optimizer = apex(groups, adam_w_mode=True, **self.optimizer_config)
        elif all(p.dtype == torch.float32 for p in params):
            logger.info("fused_adamw: torch AdamW, fused")
            self._optimizer = torch.optim.AdamW(groups, fused=True, **self.optimizer_config)
        else:
            logger.info("fused_adamw: torch AdamW, fused, with fp32 state")
            self._optimizer = LowPrecisionAdamW(groups, cfg.seed, **self.optimizer_config)
        self._exempt_from_decay()

    def _exempt_from_decay(self):
        if self.cfg.decay_matrices_only:
            for group in self.param_groups:
                if all(p.dim() <= 1 for p in group["params"]):
                    group["weight_decay"] = 0.0

    def load_state_dict(self, state_dict: dict, optimizer_overrides: dict | None = None) -> None:
        """Load a state of this optimizer (with any of its implementations) or of ``adam``.

        Args:
            state_dict: the state, as torch's optimizers have it.
            optimizer_overrides: options that replace those in the state.

        Raises:
            InputError: if it has another number of parameters.
        """
        count = sum(map(len, self._groups))
        found = sum(len(group["params"]) for group in state_dict["param_groups"])
        if found != count:
            raise InputError(
                f"the optimizer state of the checkpoint is of {found} parameters, and this model "
                f"has {count}: pass --reset-optimizer to start with a new state"
            )
        saved = [group["params"] for group in state_dict["param_groups"]]
        saved_groups = self._split if len(saved) > 1 else [list(range(count))]
        state_of = {
            index: state_dict["state"][number]
            for numbers, indices in zip(saved, saved_groups, strict=True)
            for number, index in zip(numbers, indices, strict=True)
            if number in state_dict["state"]
        }
        order = [index for indices in self._groups for index in indices]
        states = {
            number: state_of[index] for number, index in enumerate(order) if index in state_of
        }
        current = self._optimizer.state_dict()["param_groups"]  # with options that adam lacks
        self._set_step(state_dict, states, current)
        super().load_state_dict({"state": states, "param_groups": current}, optimizer_overrides)
        self._exempt_from_decay()

    def _set_step(self, saved, states, groups):
        """Store the number of steps: apex keeps it by group, others by parameter."""
        steps = [group["step"] for group in saved["param_groups"] if "step" in group]
        steps += [state["step"] for state in states.values() if "step" in state]
        if not steps:
            return
        step = float(max(steps))
        if self._is_apex:
            for group in groups:
                group["step"] = int(step)
        else:
            for state in states.values():
                state.setdefault("step", torch.tensor(step))

    @property
    def optimizer_config(self) -> dict[str, Any]:
        """Options of the optimizer, which also replace those stored in a checkpoint."""
        lr = self.cfg.lr
        return {
            "lr": lr if isinstance(lr, float) else lr[0],
            "betas": parse_betas(self.cfg.adam_betas),
            "eps": self.cfg.adam_eps,
            "weight_decay": self.cfg.weight_decay,
        }

    @property
    def supports_flat_params(self) -> bool:
        """Whether all parameters may be one flat tensor, as with ``--fp16``."""
        return not self.cfg.decay_matrices_only

    @property
    def supports_memory_efficient_fp16(self) -> bool:
        """Whether parameters may be in fp16 or bf16."""
        return True


def parse_betas(betas: str | Sequence[float]) -> tuple[float, float]:
    """Read two decay rates from a pair, or from text like ``(0.9, 0.999)``.

    Raises:
        InputError: if there are not two numbers, each at least 0 and less than 1.
    """
    try:
        parts = betas.strip("()[] ").split(",") if isinstance(betas, str) else list(betas)
        first, second = (float(part) for part in parts)
        if not (0 <= first < 1 and 0 <= second < 1):
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(
            f"--adam-betas must be two numbers from 0 to 1, such as '(0.9, 0.999)', not {betas!r}"
        ) from None
    return first, second


def _apex_fused_adam(params):
    """Return apex's FusedAdam if it is installed and fits the parameters, else None."""
    if not all(p.is_cuda and p.dtype == torch.float32 for p in params):
        return None
    try:
        from apex.multi_tensor_apply import multi_tensor_applier
        from apex.optimizers import FusedAdam
    except ImportError:
        return None
    return FusedAdam if multi_tensor_applier.available else None
