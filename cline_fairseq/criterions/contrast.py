"""The contrastive loss: what each text is told apart from, and how well. Computed in fp32."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .gather import gather_rows

NEGATIVES = ("antonym", "in_batch", "both")
_ABSENT = torch.finfo(torch.float32).min  # score of a negative that a text does not have


class Scores(NamedTuple):
    """Similarities of B texts to their views, divided by the temperature.

    Attributes:
        positive: (B,), the similarity of each text to its own synonym view.
        negatives: (B, K), its similarity to each of K negatives.
    """

    positive: Tensor
    negatives: Tensor

    def has_negative(self) -> Tensor:
        """Return which texts have a negative: bool (B,)."""
        return self.negatives.gt(_ABSENT).any(1)

    def is_right(self) -> Tensor:
        """Return which texts are closer to their synonym view than to all negatives: bool (B,)."""
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

    Args:
        sentences: (3, B, C), the vectors of originals, synonym views and antonym views.
        has_antonym: bool (B,), which texts have an antonym view that differs from the original.
        negatives: what a text is told apart from.

            * ``"antonym"``: its own antonym view, the hard negative of the paper.
            * ``"in_batch"``: the synonym views of all other texts of the batch, over all workers.
              The synonym view of a text without replacements is the text itself, which is as good a
              negative as any.
            * ``"both"``.
        similarity: ``"dot"``, as in the paper, or ``"cosine"``.
        temperature: what similarities are divided by.
        is_dummy: the batch only keeps this worker in step with others; its texts are not negatives
            of other texts.

    Returns:
        The scores, with K = 1 for ``"antonym"``, the number of texts of all workers for
        ``"in_batch"``, and one more for ``"both"``.

    Example::

        >>> original, synonym, antonym = [[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 2.0]]
        >>> sentences = torch.tensor([original, synonym, antonym])  # (3, 1, 2)
        >>> scores = contrastive_scores(sentences, torch.tensor([True]))
        >>> scores.positive, scores.negatives
        (tensor([2.]), tensor([[0.]]))
        >>> scores.is_right()
        tensor([True])
    """
    with torch.autocast(sentences.device.type, enabled=False):  # --amp would multiply in fp16
        sentences = sentences.float()
        if similarity == "cosine":
            sentences = F.normalize(sentences, dim=-1, eps=1e-8)
        original, synonym, antonym = sentences  # (B, C) each
        parts = []
        if negatives != "in_batch":
            hard = (original * antonym).sum(-1) / temperature  # (B,)
            parts.append(hard.masked_fill(~has_antonym, _ABSENT)[:, None])  # (B, 1)
        if negatives != "antonym":
            others, first = gather_rows(synonym[:0] if is_dummy else synonym)  # (K, C)
            scores = original @ others.T / temperature  # (B, K)
            if not is_dummy:
                own = torch.arange(first, first + len(synonym), device=scores.device)
                scores = scores.scatter(1, own[:, None], _ABSENT)
            parts.append(scores)
        return Scores((original * synonym).sum(-1) / temperature, torch.cat(parts, 1))


def contrastive_loss(scores: Scores) -> Tensor:
    r"""Contrastive loss of each text.

    .. math::
        \ell_i = -\log \frac{e^{p_i}}{e^{p_i} + \sum_k e^{n_{i,k}}}
            = \text{softplus}\big(\log \textstyle\sum_k e^{n_{i,k}} - p_i\big)

    With the antonym view as the only negative this is equation 3 of the paper
    (https://arxiv.org/abs/2107.00440); with those of the batch it is InfoNCE
    (https://arxiv.org/abs/1807.03748). The second form does not overflow.

    Args:
        scores: :math:`p`, the positive scores (B,), and :math:`n`, the negative ones (B, K).

    Returns:
        fp32 (B,), 0 for texts without a negative.

    Example::

        >>> contrastive_loss(Scores(torch.tensor([2.0, 0.0]), torch.tensor([[0.0], [0.0]])))
        tensor([0.1269, 0.6931])
    """
    return F.softplus(scores.negatives.logsumexp(1) - scores.positive)
