"""Similarities of B pairs of texts, by the vectors of their tokens in one layer."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..inference import mean_pool


class TokenVectors(NamedTuple):
    """B texts in one layer. Their first token is ``<s>``; vectors at padding are ignored."""

    vectors: Tensor  # float (B, T, C)
    mask: Tensor  # bool (B, T), False at padding
    content: Tensor  # bool (B, T), False at padding and special tokens


def cls_dot(first: TokenVectors, second: TokenVectors) -> Tensor:
    """Compute the dot product of the vectors of ``<s>``, as in CLINE's contrastive loss.

    Returns:
        float64 (B,), as for all others except :func:`bert_score`.
    """
    return (_cls(first) * _cls(second)).sum(-1)


def cls_cosine(first: TokenVectors, second: TokenVectors) -> Tensor:
    """Compute the cosine of the vectors of ``<s>``: float64 (B,)."""
    return (normalize(_cls(first), dim=-1) * normalize(_cls(second), dim=-1)).sum(-1)


def mean_cosine(first: TokenVectors, second: TokenVectors) -> Tensor:
    """Compute the cosine of the means over all tokens, including special tokens: float64 (B,)."""
    return (normalize(_mean(first), dim=-1) * normalize(_mean(second), dim=-1)).sum(-1)


def bert_score(first: TokenVectors, second: TokenVectors) -> Tensor:
    """Compute BERTScore: F1 of greedily matched tokens (Zhang et al. 2020, arXiv 1904.09675).

    Each token of either text is matched with the token of the other text whose vector has the
    greatest cosine with its own. Precision and recall are the mean cosines of the two texts'
    tokens, F1 is their harmonic mean. Special tokens are left out, and all tokens have the same
    weight (no idf). The score is 0 if a text has only special tokens, or if precision and recall
    add up to 0.

    Returns:
        float (B,), with the dtype of the vectors.
    """
    cosines = normalize(first.vectors, dim=-1) @ normalize(second.vectors, dim=-1).transpose(1, 2)
    pairs = first.content[:, :, None] & second.content[:, None, :]
    cosines = torch.where(pairs, cosines, -torch.inf)
    precision = _masked_mean(cosines.amax(2), first.content)
    recall = _masked_mean(cosines.amax(1), second.content)
    f1 = 2 * precision * recall / (precision + recall)
    defined = first.content.any(1) & second.content.any(1) & (precision + recall != 0)
    return torch.where(defined, f1, 0.0)


SIMILARITY_FUNCTIONS = {
    "cls_dot": cls_dot,
    "cls_cosine": cls_cosine,
    "mean_cosine": mean_cosine,
    "bert_score": bert_score,
}


# Cosines of similar texts differ little, so the sums are in float64.
def _cls(texts):
    return texts.vectors[:, 0].double()


def _mean(texts):
    return mean_pool(texts.vectors, texts.mask, torch.float64)


def _masked_mean(values, mask):
    return torch.where(mask, values, 0.0).sum(1) / mask.sum(1)
