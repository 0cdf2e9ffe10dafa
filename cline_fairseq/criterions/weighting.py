"""Weights of the losses that are learned in training: what each loss L counts, given a scalar s."""

import torch
import torch.nn.functional as F
from torch import Tensor


def bounded(loss: Tensor, s: Tensor) -> Tensor:
    """exp(-s) L + max(s, 0).

    The optimum of s is ln L, or 0 for L < 1: the weight exp(-s) tends to 1 / L for large losses,
    and to 1 for small ones, however small they are. The gradient of max(s, 0) at 0 is 0, so that s
    starts upwards and the weight below 1; it exceeds 1 only by the overshoot of the optimizer.
    """
    return torch.exp(-s) * loss + F.relu(s)


def kendall(loss: Tensor, s: Tensor) -> Tensor:
    """exp(-s) L + s / 2 (Kendall et al. 2018), as in the paper.

    The weight tends to 1 / (2 L): the smaller a loss is, the more it counts.
    """
    return torch.exp(-s) * loss + s / 2


# By the values of --loss-weighting; version 0.1 called kendall "learned".
LEARNED = {"bounded": bounded, "kendall": kendall, "learned": kendall}
