"""The losses at tokens, as one sum for each text. Everything is computed in fp32."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .cross_entropy import cross_entropy


def mlm_loss(logits: Tensor, target: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    r"""Masked LM: cross-entropy at the masked positions, summed over each row.

    .. math::
        \ell_i = \sum_{t \in \text{masked}(i)} -\log \text{softmax}(z_{i,t})_{y_{i,t}}

    Args:
        logits: :math:`z`, (M, V): one row for each of the M masked tokens, in the order of
            ``target``, over V symbols.
        target: :math:`y`, int64 (B, T): the original symbol at masked positions, ``pad`` elsewhere.
        pad: the padding index.

    Returns:
        The sum of the losses of each row, fp32 (B,); and the number of masked tokens in it, int64
        (B,). The loss of a text is the quotient.

    Example::

        >>> import torch
        >>> target = torch.tensor([[1, 3, 1], [1, 1, 1]])  # one masked token, in the first row
        >>> sums, counts = mlm_loss(torch.zeros(1, 4), target, pad=1)
        >>> sums  # log 4: all four symbols are equally likely
        tensor([1.3863, 0.0000])
        >>> counts
        tensor([1, 0])
    """
    masked = target.ne(pad)  # (B, T)
    positions = _positions(masked, len(logits))  # (M,)
    losses = cross_entropy(logits, target.flatten()[positions])  # (M,)
    rows = positions // target.shape[1]  # (M,)
    return losses.new_zeros(len(target)).index_add(0, rows, losses), masked.sum(1)


def rtd_loss(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    r"""Replaced token detection: binary cross-entropy, summed over both views of each text.

    .. math::
        \ell_i = \sum_{v \in \{\text{syn}, \text{ant}\}} \sum_t
            -y_{v,i,t} \log \sigma(z_{v,i,t}) - (1 - y_{v,i,t}) \log (1 - \sigma(z_{v,i,t}))

    Args:
        logits: :math:`z`, (2B, T): of B synonym views, then of B antonym views.
        target: :math:`y`, int64 (2B, T): 1 for a replaced token, 0 for an original one, -1 where
            nothing is predicted.

    Returns:
        The sum of the losses of each text, fp32 (B,); and the number of tokens it covers, int64
        (B,). The loss of a text is the quotient.

    Example::

        >>> import torch
        >>> target = torch.tensor([[0, 1, -1], [0, 0, 1]])  # the two views of one text
        >>> sums, counts = rtd_loss(torch.zeros(2, 3), target)
        >>> sums  # 5 log 2
        tensor([3.4657])
        >>> counts
        tensor([5])
    """
    mask = target.ge(0)  # (2B, T)
    losses = F.binary_cross_entropy_with_logits(
        logits.float(), target.clamp(min=0).float(), reduction="none"
    )  # (2B, T)
    losses = losses.masked_fill(~mask, 0)
    return _add_views(losses.sum(1)), _add_views(mask.sum(1))


def _positions(mask: Tensor, count: int) -> Tensor:
    """Return the ``count`` true positions of a flattened mask, int64 (count,).

    Unlike ``nonzero``, this does not wait for a GPU to tell how many there are.
    """
    ranks = mask.flatten().cumsum(0)
    return torch.searchsorted(ranks, torch.arange(1, count + 1, device=mask.device))


def _add_views(per_view: Tensor) -> Tensor:
    """(2B,) to (B,)."""
    synonym, antonym = per_view.chunk(2)
    return synonym + antonym
