"""RoBERTa's encoder, faster.

It has RoBERTa's parameters and gives its results, but does no work on padding: between the
embeddings and the heads, a batch is unpadded.
"""

import torch.nn.functional as F
from fairseq.distributed import fsdp_wrap
from fairseq.models.roberta import RobertaEncoder
from fairseq.models.roberta.model import RobertaLMHead
from fairseq.models.transformer import TransformerConfig, TransformerEncoder
from fairseq.modules import LearnedPositionalEmbedding
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
from fairseq.modules.transformer_sentence_encoder import init_bert_params
from fairseq.utils import make_positions
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..errors import InputError
from .attention import SelfAttention, mark_constants
from .dropout import Dropout
from .linear import apply_linear, linear
from .memory import bound_primitive_cache, fill_up
from .unpadding import Unpadding


class EncoderLayer(TransformerEncoderLayerBase):
    """A layer of RoBERTa over unpadded tokens."""

    def __init__(self, cfg):
        super().__init__(cfg)
        self.dropout_module = Dropout(self.dropout_module.p, type(self).__name__)
        self.activation_dropout_module = Dropout(
            self.activation_dropout_module.p, type(self).__name__
        )
        if cfg.activation_fn == "gelu":
            self.activation_fn = F.gelu  # fairseq's makes an fp32 copy, which changes nothing

    def build_self_attention(self, embed_dim, cfg):
        return SelfAttention(embed_dim, cfg.encoder.attention_heads, cfg.attention_dropout)

    def forward(self, x: Tensor, unpadding: Unpadding, read: Tensor | None = None) -> Tensor:
        """The layer's output.

        Args:
            x: (tokens, C).
            unpadding: which sequence each token belongs to.
            read: int64 (R,), the tokens whose output is wanted; all without.

        Returns:
            (tokens, C), or (R, C) with ``read``.
        """
        residual = x
        if self.normalize_before:
            x = self.self_attn_layer_norm(x)
        x = self.self_attn(x, unpadding)
        if read is not None:
            x, residual = x.index_select(0, read), residual.index_select(0, read)
        x = self.dropout_module.add(apply_linear(self.self_attn.out_proj, x), residual)
        if not self.normalize_before:
            x = self.self_attn_layer_norm(x)

        residual = x
        if self.normalize_before:
            x = self.final_layer_norm(x)
        x = self.activation_fn(apply_linear(self.fc1, x))
        x = apply_linear(self.fc2, self.activation_dropout_module(x))
        x = self.dropout_module.add(x, residual)
        if not self.normalize_before:
            x = self.final_layer_norm(x)
        return x


class SentenceEncoder(TransformerEncoder):
    """Embeddings and layers."""

    def __init__(self, args, dictionary, embed_tokens):
        if args.quant_noise_pq or args.quant_noise_scalar:
            raise InputError(
                "--quant-noise-pq and --quant-noise-scalar do not work with the architectures of "
                "cline; leave them at 0"
            )
        bound_primitive_cache()
        super().__init__(args, dictionary, embed_tokens)
        self.dropout_module = Dropout(self.dropout_module.p, type(self).__name__)
        self.checkpoint_activations = getattr(args, "checkpoint_activations", False)

    def build_encoder_layer(self, args):
        cfg = TransformerConfig.from_namespace(args)
        layer = EncoderLayer(cfg)
        if getattr(args, "compile", False):
            mark_constants()
            layer.compile()
        return fsdp_wrap(
            layer, min_num_params=0 if cfg.checkpoint_activations else cfg.min_params_to_wrap
        )

    def forward(
        self, src_tokens, src_lengths=None, return_all_hiddens=False, token_embeddings=None
    ):
        """What fairseq's encoder returns, with zeros at padding; ``encoder_embedding`` is empty."""
        unpadding = Unpadding.of(src_tokens, self.padding_idx)
        states = [] if return_all_hiddens else None
        x = self.encode(src_tokens, unpadding, states=states, token_embeddings=token_embeddings)
        return {
            "encoder_out": [unpadding.pad(x).transpose(0, 1)],
            "encoder_padding_mask": [src_tokens.eq(self.padding_idx)],
            "encoder_embedding": [],
            "encoder_states": [unpadding.pad(state).transpose(0, 1) for state in states or ()],
            "fc_results": [],
            "src_tokens": [],
            "src_lengths": [src_tokens.ne(self.padding_idx).sum(1, keepdim=True).int()],
        }

    def encode(
        self,
        src_tokens: Tensor,
        unpadding: Unpadding,
        read: Tensor | None = None,
        states: list[Tensor] | None = None,
        token_embeddings: Tensor | None = None,
    ) -> Tensor:
        """The last layer's output.

        Args:
            src_tokens: int64 (rows, width).
            unpadding: of ``src_tokens``.
            read: int64 (R,), the unpadded tokens whose output is wanted; all without.
            states: takes the output of the embeddings and of each layer, (tokens, C).
            token_embeddings: (rows, width, C), instead of those of ``src_tokens``.

        Returns:
            (tokens, C), or (R, C) with ``read``.
        """
        x = self._embed(src_tokens, unpadding, token_embeddings)
        layers = list(self.layers)  # LayerDrop leaves some out
        for i, layer in enumerate(layers):
            if states is not None:
                states.append(x)
            wanted = read if i == len(layers) - 1 else None
            if self.checkpoint_activations and self.training:
                x = checkpoint(layer, x, unpadding, wanted, use_reentrant=False)
            else:
                x = layer(x, unpadding, wanted)
        if states is not None:
            states.append(x)
        if read is not None and not layers:
            x = x.index_select(0, read)
        return x if self.layer_norm is None else self.layer_norm(x)

    def _embed(self, src_tokens, unpadding, token_embeddings):
        if token_embeddings is None:
            x = self.embed_tokens(unpadding.unpad(src_tokens))
        else:
            x = unpadding.unpad(token_embeddings)
        if self.embed_scale != 1:
            x = x * self.embed_scale
        if self.embed_positions is not None:
            x = self._add_positions(x, src_tokens, unpadding)
        if self.layernorm_embedding is not None:
            x = self.layernorm_embedding(x)
        return self.dropout_module(x)

    def _add_positions(self, x, src_tokens, unpadding):
        table = self.embed_positions
        if not isinstance(table, LearnedPositionalEmbedding):
            return x + unpadding.unpad(table(src_tokens))
        if unpadding.indices is None:
            first = self.padding_idx + 1
            positions = table.weight[first : first + unpadding.max_seqlen]
            return (x.unflatten(0, (-1, unpadding.max_seqlen)) + positions).flatten(0, 1)
        positions = unpadding.unpad(make_positions(src_tokens, self.padding_idx))
        return x + F.embedding(positions, table.weight, self.padding_idx)


class LMHead(RobertaLMHead):
    """RoBERTa's, with the bias added in the product that makes the logits."""

    def forward(self, features: Tensor, masked_tokens: Tensor | None = None, **kwargs) -> Tensor:
        if masked_tokens is not None:
            features = features[masked_tokens]
        x = self.activation_fn(apply_linear(self.dense, features))
        return linear(self.layer_norm(x), [self.weight], [self.bias])


class FastRobertaEncoder(RobertaEncoder):
    """RoBERTa's encoder and LM head."""

    def build_encoder(self, args, dictionary, embed_tokens):
        encoder = SentenceEncoder(args, dictionary, embed_tokens)
        encoder.apply(init_bert_params)
        return encoder

    def build_lm_head(self, embed_dim, output_dim, activation_fn, weight):
        return LMHead(embed_dim, output_dim, activation_fn, weight)

    def forward(
        self,
        src_tokens,
        features_only=False,
        return_all_hiddens=False,
        masked_tokens=None,
        **kwargs,
    ):
        """See fairseq. With ``masked_tokens``, the last layer's output is made for these alone."""
        if features_only or return_all_hiddens or masked_tokens is None:
            return super().forward(
                src_tokens, features_only, return_all_hiddens, masked_tokens, **kwargs
            )
        unpadding = Unpadding.of(src_tokens, self.sentence_encoder.padding_idx)
        read = unpadding.locate(masked_tokens.flatten().nonzero().squeeze(1))
        features = self.sentence_encoder.encode(src_tokens, unpadding, fill_up(read))
        return self.output_layer(features[: len(read)]), {"inner_states": None}
