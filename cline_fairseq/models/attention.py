"""Self-attention over unpadded tokens."""

from fairseq.modules import MultiheadAttention
from torch import Tensor

from . import gpu
from .operations import Dropout, apply_linear, attention
from .unpadding import Unpadding


class SelfAttention(MultiheadAttention):
    """fairseq's multi-head self-attention, with its parameters, over unpadded tokens.

    Args:
        dim: C, the width of the model.
        heads: H, the number of heads of C / H dimensions each.
        dropout: probability of dropping a weight of attention.
    """

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__(dim, heads, dropout=dropout, self_attention=True)
        self.dropout_module = Dropout(dropout, module_name="MultiheadAttention")

    def forward(self, x: Tensor, unpadding: Unpadding) -> Tensor:
        """Attend from each token to the tokens of its own sequence.

        Args:
            x: (N, C).
            unpadding: which sequence each token belongs to.

        Returns:
            (N, C), before ``out_proj``, which may be needed for some of the tokens only.
        """
        qkv = apply_linear([self.q_proj, self.k_proj, self.v_proj], x)  # (N, 3 * C)
        qkv = qkv.unflatten(-1, (3, self.num_heads, self.head_dim))  # (N, 3, H, D)
        return attend(qkv, unpadding, self.dropout_module.rate()).flatten(1)  # (N, C)


def attend(qkv: Tensor, unpadding: Unpadding, dropout: float) -> Tensor:
    """Scaled dot-product attention of each token to the tokens of its own sequence.

    Args:
        qkv: (N, 3, H, D): queries, keys and values of H heads.
        unpadding: which sequence each token belongs to.
        dropout: probability of dropping a weight of attention.

    Returns:
        (N, H, D).
    """
    if unpadding.indices is not None:
        kernel = gpu.variable_length_kernel(qkv.device.type, qkv.dtype, dropout > 0)
        if kernel is not None:  # GPU
            return kernel(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, dropout)
    return attend_padded(qkv, unpadding, dropout)


def attend_padded(qkv: Tensor, unpadding: Unpadding, dropout: float) -> Tensor:
    """:func:`attend` by way of a padded batch, on any device."""
    mask = None if unpadding.mask is None else unpadding.mask[:, None, None]  # (B, 1, 1, T)
    padded = unpadding.pad(qkv)  # (B, T, 3, H, D)
    return unpadding.unpad(attention(padded, mask, dropout))  # (N, H, D)
