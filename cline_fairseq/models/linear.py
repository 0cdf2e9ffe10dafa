"""Linear layers through the faster of a CPU's two libraries.

torch multiplies fp32 matrices with MKL. oneDNN, which torch holds as well, takes a tenth to a fifth
less time for outputs and for gradients of inputs (AMD EPYC, one thread); MKL is the better one for
gradients of weights.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def apply_linear(layers: nn.Linear | Sequence[nn.Linear], x: Tensor) -> Tensor:
    """What layers make of ``x``, side by side: (..., outputs) of (..., inputs)."""
    layers = [layers] if isinstance(layers, nn.Linear) else layers
    return linear(x, [layer.weight for layer in layers], [layer.bias for layer in layers])


def linear(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """x W^T + b, as torch's function of this name, for the rows of several W and b in turn."""
    if (
        x.device.type == "cpu"
        and x.dtype == weights[0].dtype == torch.float32
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and _has_onednn()
    ):
        return _Linear.apply(x, _join(biases), *weights)
    return F.linear(x, _join(weights), _join(biases))


class _Linear(torch.autograd.Function):
    """Keeps the weights as they are for backward, and not joined, which would be a copy."""

    @staticmethod
    def forward(ctx, x, bias, *weights):
        ctx.save_for_backward(x, *weights)
        return _multiply(x, _join(weights), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, *weights = ctx.saved_tensors
        flat = grad.reshape(-1, grad.shape[-1])
        need_x, need_bias, *need_weights = ctx.needs_input_grad
        weight_grads = [None] * len(weights)
        if any(need_weights):
            joined = flat.t() @ x.reshape(-1, x.shape[-1])
            weight_grads = joined.split([len(weight) for weight in weights])
        return (
            _multiply(grad, _join(weights).t(), None) if need_x else None,
            flat.sum(0) if need_bias else None,
            *weight_grads,
        )


def _join(tensors):
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors))


def _has_onednn():
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _multiply(x, weight, bias):
    # What torch.compile makes of linear layers in inference. It has no gradients of its own.
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
