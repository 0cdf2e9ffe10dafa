"""The three losses of CLINE, each one number for every text. All in fp32."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .cross_entropy import cross_entropy


def mlm_loss(logits: Tensor, target: Tensor, pad: int) -> tuple[Tensor, Tensor]:
    """Cross-entropy at the masked positions.

    Args:
        logits: (masked tokens, vocabulary), in the order of ``target``.
        target: int64 (B, T), ``pad`` where nothing is predicted.
        pad: the padding index.

    Returns:
        Sum of the losses of each text (B,), and how many tokens it is over (B,).
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


def in_batch_negatives(sentences: Tensor) -> Tensor:
    """Put the synonym view of the next text of the batch in the place of the antonym view.

    Batches are shuffled, so that the next text is any other one. Shapes as in
    :func:`contrastive_scores`.
    """
    original, synonym, _ = sentences
    return torch.stack([original, synonym, synonym.roll(-1, dims=0)])


def contrastive_scores(sentences: Tensor, similarity: str, temperature: float) -> Tensor:
    """How close each text is to its synonym and its antonym view.

    Args:
        sentences: (3, B, C), vectors of originals, synonym views and antonym views.
        similarity: ``dot`` (the paper's) or ``cosine``.
        temperature: what similarities are divided by.

    Returns:
        (2, B) similarities to the synonym view and the antonym view.
    """
    original, *views = sentences.float()
    if similarity == "cosine":
        scores = [F.cosine_similarity(original, view, dim=-1) for view in views]
    else:
        scores = [(original * view).sum(-1) for view in views]
    return torch.stack(scores) / temperature


def contrastive_loss(scores: Tensor) -> Tensor:
    """-log f(ori, syn) / (f(ori, syn) + f(ori, ant)) with f = exp of the similarity: (B,).

    Equation 3 of the paper (https://arxiv.org/abs/2107.00440), without overflow.
    """
    synonym, antonym = scores
    return F.softplus(antonym - synonym)


def _sum_by_text(values, positions):
    """Sum values that stand at the true positions of (B, T) by row: (B,)."""
    rows = positions.nonzero()[:, 0]
    return values.new_zeros(len(positions)).index_add(0, rows, values)


def _both_views(per_view):
    synonym, antonym = per_view.chunk(2)
    return synonym + antonym
