"""Linear layers through the faster of a CPU's two libraries.

torch multiplies fp32 matrices with MKL. oneDNN, which torch holds as well, takes a tenth to a fifth
less time for outputs and for gradients of inputs (AMD EPYC, one thread); MKL is the better one for
gradients of weights.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def apply_linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """What ``layer`` makes of ``x``: (..., outputs) of (..., inputs)."""
    return linear(x, layer.weight, layer.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x W^T + b, as torch's function of this name."""
    if (
        x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and _has_onednn()
    ):
        return _Linear.apply(x, weight, bias)
    return F.linear(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        flat = grad.reshape(-1, grad.shape[-1])
        need_x, need_weight, need_bias = ctx.needs_input_grad
        return (
            _multiply(grad, weight.t(), None) if need_x else None,
            flat.t() @ x.reshape(-1, x.shape[-1]) if need_weight else None,
            flat.sum(0) if need_bias else None,
        )


def _has_onednn():
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _multiply(x, weight, bias):
    # What torch.compile makes of linear layers in inference. It has no gradients of its own.
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
