"""How alike two texts are, by the vectors of their tokens in one layer, for B pairs at once."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..inference import mean_pool


class TokenVectors(NamedTuple):
    """B texts in one layer. Their first token is ``<s>``; what stands at padding is not read."""

    vectors: Tensor  # float (B, T, C)
    real: Tensor  # bool (B, T), False at padding
    content: Tensor  # bool (B, T), False at padding and special tokens


def cls_dot(first: TokenVectors, second: TokenVectors) -> Tensor:
    """The dot product of the vectors of ``<s>``, as CLINE's contrastive loss has it.

    Returns:
        float64 (B,), as of all others but :func:`bert_score`.
    """
    return (_cls(first) * _cls(second)).sum(-1)


def cls_cosine(first: TokenVectors, second: TokenVectors) -> Tensor:
    """The cosine of the vectors of ``<s>``."""
    return (normalize(_cls(first), dim=-1) * normalize(_cls(second), dim=-1)).sum(-1)


def mean_cosine(first: TokenVectors, second: TokenVectors) -> Tensor:
    """The cosine of the means over all tokens, special tokens among them."""
    return (normalize(_mean(first), dim=-1) * normalize(_mean(second), dim=-1)).sum(-1)


def bert_score(first: TokenVectors, second: TokenVectors) -> Tensor:
    """BERTScore: F1 of greedily matched tokens (Zhang et al. 2020, arXiv 1904.09675).

    Each token of either text is matched with the token of the other whose vector has the greatest
    cosine with its own. Precision and recall are the mean cosines of the two texts' tokens, F1
    their harmonic mean. Special tokens are left out, and all tokens weigh the same (no idf). A
    text that has nothing but special tokens has 0, as have two whose precision and recall add up
    to 0.

    Returns:
        float (B,), of the type of the vectors.
    """
    cosines = normalize(first.vectors, dim=-1) @ normalize(second.vectors, dim=-1).transpose(1, 2)
    pairs = first.content[:, :, None] & second.content[:, None, :]
    cosines = torch.where(pairs, cosines, -torch.inf)
    precision = _masked_mean(cosines.amax(2), first.content)
    recall = _masked_mean(cosines.amax(1), second.content)
    f1 = 2 * precision * recall / (precision + recall)
    defined = first.content.any(1) & second.content.any(1) & (precision + recall != 0)
    return torch.where(defined, f1, 0.0)


SIMILARITIES = {
    "cls_dot": cls_dot,
    "cls_cosine": cls_cosine,
    "mean_cosine": mean_cosine,
    "bert_score": bert_score,
}


# Cosines of like texts differ little: float64 keeps what the vectors say.
def _cls(texts):
    return texts.vectors[:, 0].double()


def _mean(texts):
    return mean_pool(texts.vectors, texts.real, torch.float64)


def _masked_mean(values, mask):
    return torch.where(mask, values, 0.0).sum(1) / mask.sum(1)
