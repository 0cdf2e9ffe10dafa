"""Cross-entropy over a large vocabulary without copies of the logits."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_ELEMENTS = 2**19  # of fp32 at a time: what stays in a CPU's cache and is next to nothing on a GPU


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-log softmax(logits)[target] of each row, fp32: (N,) of (N, vocabulary) and int64 (N,).

    torch's function keeps the logarithms of all probabilities for backward, in fp32, and makes its
    gradient in two steps of the same size. Here only the logits are kept as they are, and fp32 is
    for a few rows at a time.
    """
    return _CrossEntropy.apply(logits, target)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target):
        ctx.save_for_backward(logits, target)
        return torch.cat(
            [
                F.log_softmax(part, -1, dtype=torch.float32).gather(1, ids).squeeze(1).neg_()
                for part, ids in _parts(logits, target[:, None])
            ]
            or [logits.new_zeros(0, dtype=torch.float32)]
        )

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        logits, target = ctx.saved_tensors
        out = torch.empty_like(logits)
        for part, ids, weight, part_out in _parts(logits, target[:, None], grad[:, None], out):
            part_grad = F.softmax(part, -1, dtype=torch.float32).mul_(weight)
            part_out.copy_(part_grad.scatter_add_(1, ids, -weight))
        return out, None


def _parts(logits, *others):
    """A few rows of each at a time."""
    rows = max(_ELEMENTS // logits.shape[1], 1)
    return zip(*(x.split(rows) for x in (logits, *others) if len(x)), strict=True)
