"""The losses at tokens, each one number for every text. All in fp32."""

import torch.nn.functional as F
from torch import Tensor

from .cross_entropy import cross_entropy


def mlm_loss(logits: Tensor, target: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """Cross-entropy at the masked positions.

    Args:
        logits: (masked tokens, vocabulary), in the order of ``target``.
        target: int64 (N, T), ``pad`` where nothing is predicted.
        pad: the padding index.

    Returns:
        Sum of the losses of each row (N,), and how many tokens it is over (N,).
    """
    masked = target.ne(pad)
    losses = cross_entropy(logits, target[masked])
    return _sum_by_text(losses, masked), masked.sum(1)


def rtd_loss(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Binary cross-entropy over the tokens of both rewrites of each text.

    Args:
        logits: (2B, T).
        target: int64 (2B, T), 1 for a replaced token, -1 where there is nothing to predict.

    Returns:
        Sum of the losses of each text (B,), and how many tokens it is over (B,).
    """
    real = target.ge(0)
    losses = F.binary_cross_entropy_with_logits(
        logits.float(), target.clamp(min=0).float(), reduction="none"
    )
    losses = losses.masked_fill(~real, 0)
    return _both_views(losses.sum(1)), _both_views(real.sum(1))


def _sum_by_text(values, positions):
    """Sum values that stand at the true positions of (B, T) by row: (B,)."""
    rows = positions.nonzero()[:, 0]
    return values.new_zeros(len(positions)).index_add(0, rows, values)


def _both_views(per_view):
    synonym, antonym = per_view.chunk(2)
    return synonym + antonym
