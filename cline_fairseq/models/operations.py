"""The operations that the model is made of, on any device.

Each is a few lines of torch. On a CPU, :mod:`.cpu` has a faster form of some; this module is the
only one that imports it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from fairseq.modules import FairseqDropout
from torch import Tensor, nn

from . import cpu


def apply_linear(layers: nn.Linear | Sequence[nn.Linear], x: Tensor) -> Tensor:
    """Apply one linear layer, or several side by side in a single product.

    Args:
        layers: layers with the same number of inputs.
        x: (..., inputs).

    Returns:
        (..., outputs); the outputs of several layers are concatenated.
    """
    layers = [layers] if isinstance(layers, nn.Linear) else layers
    return linear(x, [layer.weight for layer in layers], [layer.bias for layer in layers])


def linear(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    """:func:`torch.nn.functional.linear` for several weights, whose outputs are concatenated.

    Args:
        x: (..., inputs).
        weights: (outputs, inputs) each.
        biases: (outputs,) each.

    Returns:
        (..., sum of the outputs).
    """
    if cpu.multiplies(x, weights[0]):
        return cpu.linear(x, weights, biases)
    if len(weights) == 1:
        return F.linear(x, weights[0], biases[0])
    return F.linear(x, torch.cat(list(weights)), torch.cat(list(biases)))


class Dropout(FairseqDropout):
    """fairseq's dropout: sets an element to 0 with probability p, and divides others by 1 - p."""

    def forward(self, x: Tensor, inplace: bool = False) -> Tensor:
        """Apply dropout.

        Args:
            x: of any shape.
            inplace: change ``x`` itself where torch's dropout runs, as in fairseq.
        """
        if self.rate() > 0 and cpu.draws_masks(x, self.p):
            return cpu.dropout(x, None, self.p)
        return super().forward(x, inplace)

    def add(self, x: Tensor, residual: Tensor) -> Tensor:
        """Apply dropout to ``x``, and add ``residual``.

        Args:
            x: of any shape.
            residual: of the same shape.
        """
        if self.rate() > 0 and x.dtype == residual.dtype and cpu.draws_masks(x, self.p):
            return cpu.dropout(x, residual, self.p)
        return residual + self(x)

    def rate(self) -> float:
        """Return the probability that applies now, which is 0 in evaluation mode."""
        return self.p if self.training or self.apply_during_inference else 0.0


def attention(qkv: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    """Scaled dot-product attention.

    Args:
        qkv: (B, T, 3, H, D): queries, keys and values of H heads.
        mask: bool (B, 1, 1, T), True at real tokens, or None if all are real.
        dropout: probability of dropping a weight of attention.

    Returns:
        (B, T, H, D).
    """
    if dropout > 0 and cpu.draws_masks(qkv, dropout):
        return cpu.dropped_attention(qkv, mask, dropout)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, H, T, D) each
    return F.scaled_dot_product_attention(q, k, v, mask, dropout).transpose(1, 2)


def bound_memory() -> None:
    """Limit what libraries keep in memory; to be called when a model is built."""
    if cpu.enabled:
        cpu.bound_primitive_cache()


def release_memory(device: torch.device) -> None:
    """Return memory that earlier batches used; to be called before each batch."""
    if cpu.enabled and device.type == "cpu":
        cpu.return_freed_memory()


def num_filler(index: Tensor) -> int:
    """Return how many meaningless rows to append to those at ``index`` (n,), so that sizes repeat.

    It is 0 except on a CPU.
    """
    if cpu.enabled and index.device.type == "cpu":
        return cpu.missing_to_round(len(index))
    return 0


def fill_up(index: Tensor) -> Tensor:
    """Append the filler to an index: repeat the first element of (n,) :func:`num_filler` times."""
    filler = num_filler(index)
    return torch.cat([index, index[:1].expand(filler)]) if filler else index
