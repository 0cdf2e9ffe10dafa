"""Vectors of all workers, with gradients."""

from typing import Any

import torch
import torch.distributed as dist
from fairseq.distributed.utils import get_data_parallel_group
from torch import Tensor


def gather_rows(rows: Tensor) -> tuple[Tensor, int]:
    """Concatenate the rows of all workers.

    Every worker must call this the same number of times, in the backward pass too. Workers may have
    different numbers of rows, or none. The gradient of a row is the sum over the losses of all
    workers; fairseq sums the gradients of parameters over workers as well, so that losses of
    gathered rows need no further scaling.

    Args:
        rows: (n, C).

    Returns:
        The rows of all workers in their order, (K, C), and the index of this worker's first row.
        Without other workers, ``rows`` and 0.
    """
    group = get_data_parallel_group()
    if group is None or dist.get_world_size(group) == 1:
        return rows, 0
    count = torch.tensor([len(rows)], device=rows.device)
    gathered = [torch.empty_like(count) for _ in range(dist.get_world_size(group))]
    dist.all_gather(gathered, count, group=group)
    counts: list[int] = torch.cat(gathered).tolist()
    return _Gather.apply(rows, counts, group), sum(counts[: dist.get_rank(group)])


class _Gather(torch.autograd.Function):
    """Pads to the greatest number of rows, because all_gather needs equal shapes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int], group: Any) -> Tensor:
        rank = dist.get_rank(group)
        ctx.group, ctx.first, ctx.count = group, sum(counts[:rank]), counts[rank]
        padded = rows.new_zeros(max(counts), rows.shape[1])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded, group=group)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad, group=ctx.group)
        return grad.narrow(0, ctx.first, ctx.count), None, None
