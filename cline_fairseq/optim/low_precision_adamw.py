"""AdamW for parameters in fp16 or bf16, with state and arithmetic in fp32."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

from .masters import round_to
from .rounding import round_stochastically

_CHUNK = 1 << 24  # number of elements that are converted to fp32 at a time


class LowPrecisionAdamW(torch.optim.AdamW):
    """The optimizer for ``--memory-efficient-fp16`` and ``--memory-efficient-bf16``.

    Matrices have no fp32 copy. In each step they are converted to fp32, a few at a time, updated by
    torch's fused kernel, and rounded stochastically, so that small updates are not lost on average.
    Scalars and vectors (layer norms, biases, learned loss weights) take little memory: the state
    holds fp32 copies of them ("master"). The moments are in fp32, too.

    Args:
        params: parameters or parameter groups, as for torch's AdamW.
        seed: seed of the rounding. With the number of updates, it determines all random numbers, so
            that a resumed run rounds like an uninterrupted one, and all workers round alike.
        options: options of torch's AdamW.
    """

    # fairseq would load the moments of a checkpoint itself, and leave them on the CPU.
    disable_mem_eff_fp16_loading_hack = True

    def __init__(self, params: Iterable[Any], seed: int, **options: Any):
        super().__init__(params, fused=True, **options)
        self._seed = seed

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters; return the value of ``closure``, as torch's optimizers do."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        generators = self._generators()
        for group in self.param_groups:
            chunk: list[Tensor] = []
            for param in group["params"]:
                if param.grad is None:
                    continue
                if chunk and sum(p.numel() for p in chunk) + param.numel() > _CHUNK:
                    self._update(group, chunk, generators)
                    chunk = []
                chunk.append(param)
            if chunk:
                self._update(group, chunk, generators)
        return loss

    def _generators(self):
        """Return a generator for each device, seeded for this update."""
        params = [param for group in self.param_groups for param in group["params"]]
        steps = [state["step"] for param in params if (state := self.state.get(param))]
        update = int(steps[0]) if steps else 0
        seed = int(np.random.SeedSequence((self._seed, update)).generate_state(1, np.uint64)[0])
        devices = {param.device for param in params}
        return {device: torch.Generator(device).manual_seed(seed) for device in devices}

    def _update(self, group, params, generators):
        states = [self.state[param] for param in params]
        for param, state in zip(params, states, strict=True):
            if not state:
                state["step"] = torch.zeros((), device=param.device)
                state["exp_avg"] = torch.zeros_like(param, dtype=torch.float32)
                state["exp_avg_sq"] = torch.zeros_like(param, dtype=torch.float32)
            elif not torch.is_tensor(state["step"]):  # from fairseq's adam
                state["step"] = torch.tensor(float(state["step"]), device=param.device)
            if _has_copy(param) and "master" not in state:
                state["master"] = param.detach().float()
        # The fp32 copy or a new tensor; a parameter that is in fp32 already is updated in place.
        wide = [
            state["master"] if _has_copy(param) else param.detach().float()
            for param, state in zip(params, states, strict=True)
        ]
        beta1, beta2 = group["betas"]
        adamw(
            wide,
            [param.grad.float() for param in params],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )
        for param, new in zip(params, wide, strict=True):
            if param.dtype == torch.float32:
                continue
            if not _has_copy(param):
                new = round_stochastically(new, param.dtype, generators[param.device])
            param.copy_(new)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state without rounding it to the dtype of the parameters, as torch would."""
        super().load_state_dict(state_dict)
        numbers = [n for group in state_dict["param_groups"] for n in group["params"]]
        params = [param for group in self.param_groups for param in group["params"]]
        for number, param in zip(numbers, params, strict=True):
            for name in ("exp_avg", "exp_avg_sq", "master"):
                if name in state_dict["state"].get(number, {}):
                    value = state_dict["state"][number][name]
                    self.state[param][name] = value.to(param.device, torch.float32)
        copied = [param for param in params if "master" in self.state[param]]
        if not round_to([self.state[param]["master"] for param in copied], copied):
            for param in copied:
                del self.state[param]["master"]


def _has_copy(param):
    return param.dim() <= 1 and param.dtype != torch.float32
