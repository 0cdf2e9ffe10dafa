"""Learned weights of the losses: what a loss L contributes, given a learned scalar s."""

import torch
import torch.nn.functional as F
from torch import Tensor


def bounded(loss: Tensor, s: Tensor) -> Tensor:
    r"""Weigh a loss by a learned weight that never exceeds 1.

    .. math::
        e^{-s} L + \max(s, 0)

    The optimal s is :math:`\log L`, or 0 for L < 1. So the weight :math:`e^{-s}` tends to 1 / L for
    large losses, and to 1 for small ones, however small they are. At s = 0, where training starts,
    the gradient of :math:`\max(s, 0)` is 0, so that s first grows and the weight falls below 1. It
    exceeds 1 only where the optimizer overshoots.

    Args:
        loss: :math:`L`, of any shape.
        s: a scalar.

    Returns:
        of the shape of ``loss``.

    Example::

        >>> bounded(torch.tensor([4.0, 0.5]), torch.tensor(0.0))
        tensor([4.0000, 0.5000])
        >>> bounded(torch.tensor([4.0]), torch.tensor(4.0).log())  # the optimum, 1 + log 4
        tensor([2.3863])
    """
    return torch.exp(-s) * loss + F.relu(s)


def kendall(loss: Tensor, s: Tensor) -> Tensor:
    r"""Weigh a loss by its uncertainty, as in the paper.

    .. math::
        e^{-s} L + s / 2

    From Kendall et al., 2018 (https://arxiv.org/abs/1705.07115). The weight :math:`e^{-s}` tends to
    1 / (2 L): the smaller a loss is, the more it counts, without a bound.

    Args:
        loss: :math:`L`, of any shape.
        s: a scalar.

    Returns:
        of the shape of ``loss``.

    Example::

        >>> kendall(torch.tensor([4.0]), torch.tensor(8.0).log())  # the optimum, (1 + log 8) / 2
        tensor([1.5397])
    """
    return torch.exp(-s) * loss + s / 2


# By the values of --loss-weighting. Version 0.1 called kendall "learned".
LEARNED = {"bounded": bounded, "kendall": kendall, "learned": kendall}
