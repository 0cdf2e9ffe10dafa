"""Drop the padding of a batch before the encoder, and restore it afterwards.

Shapes are written with

* B: sequences in the batch, T: its width, so that it has B * T positions;
* N: real tokens in the batch (plus the filler on a CPU, see :class:`Unpadding`);
* ``...``: any further dimensions, such as the C features of a token.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from .operations import num_filler, release_memory


class Unpadding(NamedTuple):
    """Where the real tokens of a padded batch (B, T) are.

    Layers then compute on the real tokens alone, (N, ...), one sequence after the other.
    ``indices`` and ``mask`` are None if the batch has no padding: the unpadded tensor is simply the
    flattened batch, and neither direction copies anything. Otherwise, on a CPU, the unpadded tensor
    is filled up to a rounded length, so that lengths repeat: ignore its last ``num_filler`` rows.

    Attributes:
        batch_size: B.
        max_seqlen: T. No sequence is longer, which is what attention kernels need to know.
        cu_seqlens: int32 (B + 1,), cumulative lengths: sequence i is
            ``[cu_seqlens[i], cu_seqlens[i + 1])`` of the unpadded tensor. Attention kernels for
            sequences of several lengths take them in this form.
        indices: int64 (real tokens,), ascending: where the tokens are in the flattened batch.
        mask: bool (B, T), True at real tokens.
        num_filler: number of meaningless rows at the end of the unpadded tensor.
    """

    batch_size: int
    max_seqlen: int
    cu_seqlens: Tensor
    indices: Tensor | None = None
    mask: Tensor | None = None
    num_filler: int = 0

    @classmethod
    def of(cls, tokens: Tensor, padding_idx: int) -> "Unpadding":
        """Find the real tokens of a batch.

        On a GPU, this waits for the device, because the number of tokens is a shape.

        Args:
            tokens: int64 (B, T), token ids.
            padding_idx: the id of padding. A sequence of nothing else keeps its first position, as
                attention over no token at all would be NaN.
        """
        release_memory(tokens.device)
        batch_size, max_seqlen = tokens.shape
        mask = tokens.ne(padding_idx)  # (B, T)
        mask[:, 0] |= ~mask.any(1)
        indices = mask.flatten().nonzero().squeeze(1)  # (N,)
        cu_seqlens = torch.zeros(batch_size + 1, dtype=torch.int32, device=tokens.device)
        cu_seqlens[1:] = mask.sum(1).cumsum(0)  # (B,)
        if len(indices) == batch_size * max_seqlen:
            return cls(batch_size, max_seqlen, cu_seqlens)
        return cls(batch_size, max_seqlen, cu_seqlens, indices, mask, num_filler(indices))

    @property
    def total(self) -> int:
        """N, the length of the unpadded tensor, with its filler."""
        if self.indices is None:
            return self.batch_size * self.max_seqlen
        return len(self.indices) + self.num_filler

    def unpad(self, batch: Tensor) -> Tensor:
        """Drop the padding.

        Args:
            batch: (B, T, ...).

        Returns:
            (N, ...), with zeros as filler.
        """
        flat = batch.flatten(0, 1)  # (B * T, ...)
        return flat if self.indices is None else _Unpad.apply(flat, self.indices, self.num_filler)

    def pad(self, x: Tensor) -> Tensor:
        """Restore the padding.

        Args:
            x: (N, ...).

        Returns:
            (B, T, ...), with zeros at padding.
        """
        if self.indices is not None:
            size = self.batch_size * self.max_seqlen
            x = _Pad.apply(x, self.indices, self.num_filler, size)  # (B * T, ...)
        return x.unflatten(0, (self.batch_size, self.max_seqlen))

    def starts(self) -> Tensor:
        """Return where in the unpadded tensor each sequence begins: int64 (B,)."""
        return self.cu_seqlens[:-1].long()

    def bounds(self, begin: int, end: int) -> tuple[int, int]:
        """Return where in the unpadded tensor some sequences begin and end, to slice with.

        On a GPU this waits for the device if the batch has padding.

        Args:
            begin: the first of the sequences.
            end: the one after the last.

        Returns:
            the first of their tokens, and the one after the last.
        """
        if self.indices is None:
            return begin * self.max_seqlen, end * self.max_seqlen
        both = self.cu_seqlens[begin : end + 1 : end - begin]  # a view, and one transfer
        first, last = both.tolist()
        return first, last

    def locate(self, positions: Tensor) -> Tensor:
        """Return where in the unpadded tensor the tokens at given positions of the batch are.

        Args:
            positions: int64 (M,), positions in the flattened batch. Padding is not in the unpadded
                tensor: its place is that of a real token nearby.

        Returns:
            int64 (M,).
        """
        if self.mask is None:
            return positions
        return (self.mask.flatten().cumsum(0) - 1).clamp(min=0)[positions]

    def mean(self, x: Tensor) -> Tensor:
        """Average over the tokens of each sequence.

        Args:
            x: (N, C).

        Returns:
            (B, C).
        """
        batch = self.pad(x)  # (B, T, C)
        if self.mask is None:
            return batch.mean(1)
        return batch.sum(1) / self.mask.sum(1, keepdim=True)


# Each is the gradient of the other. torch's own gradient of indexing adds up rows, because an index
# may occur twice. Ours never does, and copying is faster.
class _Unpad(torch.autograd.Function):
    """(B * T, ...) to (N, ...)."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, indices: Tensor, num_filler: int) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.num_filler, ctx.size = num_filler, len(flat)
        x = flat.new_empty(len(indices) + num_filler, *flat.shape[1:])
        torch.index_select(flat, 0, indices, out=x[: len(indices)])
        x[len(indices) :] = 0
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        (indices,) = ctx.saved_tensors
        return _Pad.apply(grad, indices, ctx.num_filler, ctx.size), None, None


class _Pad(torch.autograd.Function):
    """(N, ...) to (B * T, ...)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, indices: Tensor, num_filler: int, size: int) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.num_filler = num_filler
        flat = x.new_zeros(size, *x.shape[1:])
        return flat.index_copy_(0, indices, x[: len(indices)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Any, ...]:
        (indices,) = ctx.saved_tensors
        return _Unpad.apply(grad, indices, ctx.num_filler), None, None, None
