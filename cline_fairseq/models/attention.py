"""Self-attention over unpadded tokens, in the way that suits the device best."""

import functools
import importlib.util
import logging

import torch
import torch.nn.functional as F
from fairseq.modules import MultiheadAttention
from torch import Tensor
from torch.autograd.function import once_differentiable

from .dropout import Dropout, draw, draws_masks, kept_share
from .linear import apply_linear
from .unpadding import Unpadding

logger = logging.getLogger(__name__)


class SelfAttention(MultiheadAttention):
    """fairseq's multi-head self-attention, with its parameters, over unpadded tokens.

    Queries, keys and values come out of one product.
    """

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__(dim, heads, dropout=dropout, self_attention=True)
        self.dropout_module = Dropout(dropout, module_name="MultiheadAttention")

    def forward(self, x: Tensor, unpadding: Unpadding) -> Tensor:
        """What each token of (tokens, C) finds in its row, before ``out_proj``: (tokens, C)."""
        qkv = apply_linear([self.q_proj, self.k_proj, self.v_proj], x)
        qkv = qkv.unflatten(-1, (3, self.num_heads, self.head_dim))
        return attend(qkv, unpadding, self.dropout_module.rate()).flatten(1)


def attend(qkv: Tensor, unpadding: Unpadding, dropout: float) -> Tensor:
    """Scaled dot-product attention of each token to the tokens of its row.

    Args:
        qkv: (tokens, 3, heads, D): queries, keys, values.
        unpadding: which sequence each token belongs to.
        dropout: probability of leaving out a weight of attention.

    Returns:
        (tokens, heads, D).
    """
    if unpadding.indices is not None:
        variable_length = _variable_length(qkv.device.type, qkv.dtype, dropout > 0)
        if variable_length is not None:
            return variable_length(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, dropout)
    mask = None if unpadding.mask is None else unpadding.mask[:, None, None]
    qkv = unpadding.pad(qkv)
    if dropout > 0 and draws_masks(qkv, dropout):
        out = _DroppedAttention.apply(qkv, mask, dropout)
    else:
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        out = F.scaled_dot_product_attention(q, k, v, mask, dropout).transpose(1, 2)
    return unpadding.unpad(out)


class _DroppedAttention(torch.autograd.Function):
    """Attention with dropout on a CPU, where torch's own is slow.

    For backward it keeps the weights of attention alone: their signs say what was dropped.
    """

    @staticmethod
    def forward(ctx, qkv, mask, p):
        rows, width, _, heads, dim = qkv.shape
        q, k, v = qkv.permute(2, 0, 3, 1, 4).reshape(3, rows * heads, width, dim)
        scores = _product(q, k.transpose(1, 2), dim**-0.5)
        if mask is not None:
            by_row = scores.view(rows, heads, width, width)
            by_row.masked_fill_(~mask, torch.finfo(scores.dtype).min)
        signed = torch.softmax(scores, -1)
        signed = torch.copysign(signed, draw(signed.shape, p), out=signed)
        kept = torch.clamp(signed, min=0, out=scores)
        out = _product(kept, v, 1 / kept_share(p))
        ctx.save_for_backward(q, k, v, signed, out)
        ctx.p, ctx.rows = p, rows
        return out.view(rows, heads, width, dim).transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        q, k, v, signed, out = ctx.saved_tensors
        rows, heads, (_, width, dim) = ctx.rows, len(q) // ctx.rows, q.shape
        scale = 1 / kept_share(ctx.p)
        grad = grad.transpose(1, 2).reshape(q.shape)
        # The gradient of a softmax is weight * (gradient - expected gradient); the expectation is
        # the product of the output and its gradient.
        expected = (grad * out).sum(-1, keepdim=True)
        grads = q.new_empty(3, *q.shape)
        kept = signed.clamp(min=0)
        _product(kept.transpose(1, 2), grad, scale, out=grads[2])
        scores = _product(grad, v.transpose(1, 2), 1).mul_(kept)
        weights = torch.abs(signed, out=kept)
        scores.addcmul_(weights, expected, value=-1 / scale)
        scale *= dim**-0.5
        _product(scores, k, scale, out=grads[0])
        _product(scores.transpose(1, 2), q, scale, out=grads[1])
        grads = grads.view(3, rows, heads, width, dim).permute(1, 3, 0, 2, 4)
        return grads.contiguous(), None, None


def _product(a, b, scale, out=None):
    return torch.baddbmm(a.new_empty(1), a, b, beta=0, alpha=scale, out=out)


def mark_constants() -> None:
    """Tell torch.compile what is the same in each step. It takes seconds to import, so when asked.

    Call it before a layer is compiled.
    """
    torch.compiler.assume_constant_result(_variable_length)


def _variable_length(device, dtype, dropout):
    """A function of attention that needs no padding, or None."""
    return _choose(device, dtype, dropout)


@functools.cache
def _choose(device, dtype, dropout):
    """The same, and says once which it is."""
    name, function = "scaled_dot_product_attention, padded", None
    # The kernels are FlashAttention's, for half precision and GPUs since Ampere.
    half = dtype in (torch.float16, torch.bfloat16)
    if device == "cuda" and half and torch.cuda.get_device_capability() >= (8, 0):
        if importlib.util.find_spec("flash_attn") is not None:
            name, function = "flash_attn", _flash_attn
        elif not dropout and importlib.util.find_spec("torch.nn.attention.varlen") is not None:
            name, function = "torch.nn.attention.varlen", _torch_varlen
    logger.info("attention to rows of several lengths, %s on %s: %s", dtype, device, name)
    return function


def _flash_attn(qkv, offsets, width, dropout):
    from flash_attn import flash_attn_varlen_qkvpacked_func

    return flash_attn_varlen_qkvpacked_func(qkv, offsets, width, dropout)


def _torch_varlen(qkv, offsets, width, dropout):
    from torch.nn.attention.varlen import varlen_attn

    q, k, v = qkv.unbind(1)
    return varlen_attn(q, k, v, offsets, offsets, width, width)
