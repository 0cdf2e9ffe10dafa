"""Batches without padding: the real tokens of all rows, one after the other."""

from typing import NamedTuple

import torch
from torch import Tensor

from .memory import missing_to_round, return_freed_memory


class Stream(NamedTuple):
    """Where the tokens of a stream stand in the batch (rows, width).

    ``places`` and ``real`` are None where nothing is padding: the stream is the batch then.
    Otherwise the stream of a CPU has a round length: behind the tokens stands what means nothing.
    """

    rows: int
    width: int
    offsets: Tensor  # int32 (rows + 1,), where rows begin and end in the stream
    places: Tensor | None = None  # int64 (tokens,), in the flattened batch, ascending
    real: Tensor | None = None  # bool (rows, width)
    fill: int = 0  # how much of the stream means nothing

    @classmethod
    def of(cls, tokens: Tensor, pad: int) -> "Stream":
        """The stream of token ids (rows, width). Waits for the device once, to know its length.

        A row of nothing but padding keeps one token, so that attention has something to look at.
        """
        if tokens.device.type == "cpu":
            return_freed_memory()
        rows, width = tokens.shape
        real = tokens.ne(pad)
        real[:, 0] |= ~real.any(1)
        places = real.flatten().nonzero().squeeze(1)
        offsets = torch.zeros(rows + 1, dtype=torch.int32, device=tokens.device)
        offsets[1:] = real.sum(1).cumsum(0)
        if len(places) == rows * width:
            return cls(rows, width, offsets)
        fill = missing_to_round(len(places)) if tokens.device.type == "cpu" else 0
        return cls(rows, width, offsets, places, real, fill)

    @property
    def length(self) -> int:
        """That of the stream."""
        return self.rows * self.width if self.places is None else len(self.places) + self.fill

    def starts(self) -> Tensor:
        """Where rows begin: int64 (rows,)."""
        return self.offsets[:-1].long()

    def begin(self, row: int) -> int:
        """Where a row begins. Waits for the device if there is padding."""
        return row * self.width if self.places is None else int(self.offsets[row])

    def take(self, batch: Tensor) -> Tensor:
        """The stream (length, ...) of a batch (rows, width, ...), with zeros for the fill."""
        flat = batch.flatten(0, 1)
        return flat if self.places is None else _Take.apply(flat, self.places, self.fill)

    def put(self, stream: Tensor) -> Tensor:
        """The batch (rows, width, ...) of a stream (length, ...), with zeros for padding."""
        if self.places is not None:
            stream = _Put.apply(stream, self.places, self.fill, self.rows * self.width)
        return stream.unflatten(0, (self.rows, self.width))

    def find(self, places: Tensor) -> Tensor:
        """Where in the stream the tokens at places of the flattened batch are.

        Padding is nowhere; whoever asks for it gets a token close by.
        """
        if self.places is None:
            return places
        return (self.real.flatten().cumsum(0) - 1).clamp(min=0)[places]

    def mean(self, stream: Tensor) -> Tensor:
        """The mean over the tokens of each row: (rows, C) of (length, C)."""
        batch = self.put(stream)
        if self.real is None:
            return batch.mean(1)
        return batch.sum(1) / self.real.sum(1, keepdim=True)


# Each is the gradient of the other. Those of torch's indexing add up, as places may be there twice;
# here they are not, and copying is faster.
class _Take(torch.autograd.Function):
    @staticmethod
    def forward(ctx, flat, places, fill):
        ctx.save_for_backward(places)
        ctx.fill, ctx.size = fill, len(flat)
        stream = flat.new_empty(len(places) + fill, *flat.shape[1:])
        torch.index_select(flat, 0, places, out=stream[: len(places)])
        stream[len(places) :] = 0
        return stream

    @staticmethod
    def backward(ctx, grad):
        (places,) = ctx.saved_tensors
        return _Put.apply(grad, places, ctx.fill, ctx.size), None, None


class _Put(torch.autograd.Function):
    @staticmethod
    def forward(ctx, stream, places, fill, size):
        ctx.save_for_backward(places)
        ctx.fill = fill
        flat = stream.new_zeros(size, *stream.shape[1:])
        return flat.index_copy_(0, places, stream[: len(places)])

    @staticmethod
    def backward(ctx, grad):
        (places,) = ctx.saved_tensors
        return _Take.apply(grad, places, ctx.fill), None, None, None
