"""The contrastive loss: what a text is told apart from, and how well that works. All in fp32."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .gather import gather_rows

NEGATIVES = ("antonym", "in_batch", "both")
_ABSENT = torch.finfo(torch.float32).min  # score of a negative that a text does not have


class Scores(NamedTuple):
    """Similarities of B texts, divided by the temperature."""

    positive: Tensor  # (B,), to the text's own synonym view
    negatives: Tensor  # (B, K), to its negatives

    def has_negative(self) -> Tensor:
        """Which texts have one: bool (B,)."""
        return self.negatives.gt(_ABSENT).any(1)

    def is_right(self) -> Tensor:
        """Which texts are closer to their synonym view than to every negative: bool (B,)."""
        return self.positive > self.negatives.amax(1)


def contrastive_scores(
    sentences: Tensor,
    has_antonym: Tensor,
    negatives: str = "antonym",
    similarity: str = "dot",
    temperature: float = 1.0,
    is_dummy: bool = False,
) -> Scores:
    """Score texts against their synonym view and their negatives.

    ``antonym`` takes the text's own antonym view, the hard negative of the paper; ``in_batch`` the
    synonym views of all other texts of the batch, over all workers; ``both`` both. The synonym view
    of a text without replacements is the text itself, and as good a negative as any.

    Args:
        sentences: (3, B, C), vectors of originals, synonym views and antonym views.
        has_antonym: bool (B,), texts whose antonym view is a negative.
        negatives: one of :data:`NEGATIVES`.
        similarity: ``dot`` (the paper's) or ``cosine``.
        temperature: what similarities are divided by.
        is_dummy: the batch only keeps this worker in step, and its texts are no negatives.
    """
    with torch.autocast(sentences.device.type, enabled=False):  # --amp multiplies in fp16
        sentences = sentences.float()
        if similarity == "cosine":
            sentences = F.normalize(sentences, dim=-1, eps=1e-8)
        original, synonym, antonym = sentences
        parts = []
        if negatives != "in_batch":
            hard = (original * antonym).sum(-1) / temperature
            parts.append(hard.masked_fill(~has_antonym, _ABSENT)[:, None])
        if negatives != "antonym":
            others, first = gather_rows(synonym[:0] if is_dummy else synonym)
            scores = original @ others.T / temperature
            if not is_dummy:
                own = torch.arange(first, first + len(synonym), device=scores.device)
                scores = scores.scatter(1, own[:, None], _ABSENT)
            parts.append(scores)
        return Scores((original * synonym).sum(-1) / temperature, torch.cat(parts, 1))


def contrastive_loss(scores: Scores) -> Tensor:
    """-log f(positive) / (f(positive) + sum of f(negative)) with f = exp: (B,).

    With the antonym view as the only negative this is equation 3 of the paper
    (https://arxiv.org/abs/2107.00440), with those of the batch InfoNCE. Without overflow.
    """
    return F.softplus(scores.negatives.logsumexp(1) - scores.positive)
