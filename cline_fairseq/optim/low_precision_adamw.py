"""AdamW for parameters in fp16 or bf16, with its state and arithmetic in fp32."""

import torch
from torch import Tensor
from torch.optim.adamw import adamw

_CHUNK = 1 << 24  # elements that are in fp32 at a time


class LowPrecisionAdamW(torch.optim.AdamW):
    """What ``--memory-efficient-fp16`` and ``--memory-efficient-bf16`` want of an optimizer.

    There is no fp32 copy of the parameters: they are widened for the step, some at a time, updated
    by torch's fused kernel, and rounded back. The moments stay in fp32.
    """

    # fairseq would put the moments of a checkpoint in place itself, on the CPU as they were read.
    disable_mem_eff_fp16_loading_hack = True

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            chunk: list[Tensor] = []
            for param in group["params"]:
                if param.grad is None:
                    continue
                if chunk and sum(p.numel() for p in chunk) + param.numel() > _CHUNK:
                    self._update(group, chunk)
                    chunk = []
                chunk.append(param)
            if chunk:
                self._update(group, chunk)
        return loss

    def _update(self, group, params):
        states = [self.state[param] for param in params]
        for param, state in zip(params, states, strict=True):
            if not state:
                state["step"] = torch.zeros((), device=param.device)
                state["exp_avg"] = torch.zeros_like(param, dtype=torch.float32)
                state["exp_avg_sq"] = torch.zeros_like(param, dtype=torch.float32)
            elif not torch.is_tensor(state["step"]):  # as fairseq's adam counts
                state["step"] = torch.tensor(float(state["step"]), device=param.device)
        wide = [param.float() for param in params]
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
            param.copy_(new)

    def load_state_dict(self, state_dict):
        """Load a state; torch would round its moments to the precision of the parameters."""
        super().load_state_dict(state_dict)
        numbers = [n for group in state_dict["param_groups"] for n in group["params"]]
        params = [param for group in self.param_groups for param in group["params"]]
        for number, param in zip(numbers, params, strict=True):
            for name in ("exp_avg", "exp_avg_sq"):
                if name in state_dict["state"].get(number, {}):
                    value = state_dict["state"][number][name]
                    self.state[param][name] = value.to(param.device, torch.float32)
