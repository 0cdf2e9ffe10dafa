"""Vectors of all workers, with gradients."""

import torch
import torch.distributed as dist
from fairseq.distributed.utils import get_data_parallel_group
from torch import Tensor


def gather_rows(rows: Tensor) -> tuple[Tensor, int]:
    """The rows of all workers, and where the own ones begin.

    Every worker must call this equally often, in the backward pass too. Each may bring another
    number of rows, or none. A row's gradient is the sum over the losses of all workers. fairseq
    sums gradients over workers as well, so that losses of gathered rows need no further scaling.

    Args:
        rows: (n, C).

    Returns:
        (N, C), in the order of the workers, and the index of the first own row. Without other
        workers, ``rows`` and 0.
    """
    group = get_data_parallel_group()
    if group is None or dist.get_world_size(group) == 1:
        return rows, 0
    count = torch.tensor([len(rows)], device=rows.device)
    counts = [torch.empty_like(count) for _ in range(dist.get_world_size(group))]
    dist.all_gather(counts, count, group=group)
    counts = torch.cat(counts).tolist()
    return _Gather.apply(rows, counts, group), sum(counts[: dist.get_rank(group)])


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, counts, group):
        rank = dist.get_rank(group)
        ctx.group, ctx.first, ctx.count = group, sum(counts[:rank]), counts[rank]
        padded = rows.new_zeros(max(counts), rows.shape[1])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded, group=group)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx, grad):
        grad = grad.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(grad, group=ctx.group)
        return grad.narrow(0, ctx.first, ctx.count), None, None
