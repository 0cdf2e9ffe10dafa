"""Cross-entropy over a large vocabulary without copies of the logits."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

# fp32 elements that exist at a time: they fit in the cache of a CPU, and are little for a GPU.
_ELEMENTS = 2**19


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    r"""Cross-entropy of each row, with less memory than torch's function.

    .. math::
        \ell_i = -\log \text{softmax}(z_i)_{y_i}

    :func:`torch.nn.functional.cross_entropy` saves all log-probabilities in fp32 for the backward
    pass, and computes its gradient in two steps of the same size. Here only the logits are saved,
    in their own dtype, and only a few rows at a time are in fp32.

    Args:
        logits: :math:`z`, (M, V), in any floating-point dtype.
        target: :math:`y`, int64 (M,).

    Returns:
        fp32 (M,). The gradient has the dtype of ``logits``.

    Example::

        >>> logits = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
        >>> cross_entropy(logits, torch.tensor([0, 1]))
        tensor([0.6931, 0.1269])
    """
    return _CrossEntropy.apply(logits, target)


class _CrossEntropy(torch.autograd.Function):
    """Computes the softmax again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(logits, target)
        return torch.cat(
            [
                F.log_softmax(part, -1, dtype=torch.float32).gather(1, ids).squeeze(1).neg_()
                for part, ids in _parts(logits, target[:, None])
            ]
            or [logits.new_zeros(0, dtype=torch.float32)]
        )  # (M,)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        logits, target = ctx.saved_tensors
        out = torch.empty_like(logits)  # (M, V)
        for part, ids, weight, part_out in _parts(logits, target[:, None], grad[:, None], out):
            part_grad = F.softmax(part, -1, dtype=torch.float32).mul_(weight)
            part_out.copy_(part_grad.scatter_add_(1, ids, -weight))
        return out, None


def _parts(logits: Tensor, *others: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield a few rows of every tensor at a time."""
    rows = max(_ELEMENTS // logits.shape[1], 1)
    return zip(*(x.split(rows) for x in (logits, *others) if len(x)), strict=True)
