"""AdamW in one kernel for all parameters: apex's where it is installed, else torch's."""

import logging
from dataclasses import dataclass, field
from typing import Any

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.optim import FairseqOptimizer, register_optimizer
from omegaconf import II

from ..errors import InputError

logger = logging.getLogger(__name__)


@dataclass
class FusedAdamWConfig(FairseqDataclass):
    """The options have the names that they have for ``adam``."""

    adam_betas: Any = field(
        default=(0.9, 0.999),
        metadata={"help": "decay of the two moments, as '(0.9, 0.999)'"},
    )
    adam_eps: float = field(default=1e-8, metadata={"help": "epsilon of Adam"})
    weight_decay: float = field(default=0.01, metadata={"help": "decoupled weight decay"})
    lr: list[float] = II("optimization.lr")


@register_optimizer("fused_adamw", dataclass=FusedAdamWConfig)
class FusedAdamW(FairseqOptimizer):
    """Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101), fused.

    apex's FusedAdam updates all parameters in one launch, but does not take bf16 parameters;
    torch's own fused AdamW runs on CUDA and CPU. The log says which one runs.
    """

    def __init__(self, cfg: FusedAdamWConfig, params):
        super().__init__(cfg)
        params = list(params)
        apex = _apex_fused_adam(params)
        if apex is not None:
            logger.info("fused_adamw: apex FusedAdam")
            self._optimizer = apex(params, adam_w_mode=True, **self.optimizer_config)
        else:
            logger.info("fused_adamw: torch AdamW, fused")
            self._optimizer = torch.optim.AdamW(params, fused=True, **self.optimizer_config)

    @property
    def optimizer_config(self) -> dict[str, Any]:
        """Options of the optimizer, which also override those stored in a checkpoint."""
        lr = self.cfg.lr
        return {
            "lr": lr if isinstance(lr, float) else lr[0],
            "betas": parse_betas(self.cfg.adam_betas),
            "eps": self.cfg.adam_eps,
            "weight_decay": self.cfg.weight_decay,
        }

    @property
    def supports_flat_params(self) -> bool:
        """All parameters may be one flat tensor, as ``--fp16`` makes it."""
        return True


def parse_betas(betas) -> tuple[float, float]:
    """Two decays in [0, 1), from a pair or from text like ``(0.9, 0.999)``.

    Raises:
        InputError: if that is not what is given.
    """
    try:
        parts = betas.strip("()[] ").split(",") if isinstance(betas, str) else list(betas)
        first, second = (float(part) for part in parts)
        if not (0 <= first < 1 and 0 <= second < 1):
            raise ValueError
    except (TypeError, ValueError):
        raise InputError(
            f"--adam-betas must be two numbers from 0 to 1, as '(0.9, 0.999)', not {betas!r}"
        ) from None
    return first, second


def _apex_fused_adam(params):
    """apex's FusedAdam if it is installed and fits the parameters."""
    if not all(p.is_cuda and p.dtype in (torch.float32, torch.float16) for p in params):
        return None
    try:
        from apex.multi_tensor_apply import multi_tensor_applier
        from apex.optimizers import FusedAdam
    except ImportError:
        return None
    return FusedAdam if multi_tensor_applier.available else None
