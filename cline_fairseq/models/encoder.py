"""RoBERTa's encoder without work on padding.

It has RoBERTa's parameters and computes RoBERTa's results. Between the embeddings and the heads,
tensors hold the N real tokens of a batch, (N, C), instead of (B, T, C); see :mod:`.unpadding`.
"""

from argparse import Namespace
from typing import Any

import torch.nn.functional as F
from fairseq.data import Dictionary
from fairseq.distributed import fsdp_wrap
from fairseq.models.roberta import RobertaEncoder
from fairseq.models.roberta.model import RobertaLMHead
from fairseq.models.transformer import TransformerConfig, TransformerEncoder
from fairseq.modules import FairseqDropout, LearnedPositionalEmbedding
from fairseq.modules.transformer_layer import TransformerEncoderLayerBase
from fairseq.modules.transformer_sentence_encoder import init_bert_params
from fairseq.utils import make_positions
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError
from .attention import SelfAttention
from .gpu import mark_constants
from .operations import Dropout, apply_linear, bound_memory, fill_up, linear
from .unpadding import Unpadding


class EncoderLayer(TransformerEncoderLayerBase):
    """A layer of RoBERTa over unpadded tokens."""

    dropout_module: FairseqDropout
    activation_dropout_module: FairseqDropout

    def __init__(self, cfg: TransformerConfig):
        super().__init__(cfg)
        self.dropout_module = Dropout(self.dropout_module.p, type(self).__name__)
        self.activation_dropout_module = Dropout(
            self.activation_dropout_module.p, type(self).__name__
        )
        if cfg.activation_fn == "gelu":
            self.activation_fn = F.gelu  # fairseq's makes an fp32 copy, which changes nothing

    def build_self_attention(self, embed_dim: int, cfg: TransformerConfig) -> SelfAttention:
        """Build the attention of this layer, for fairseq.

        Args:
            embed_dim: C, the width of the model.
            cfg: options of the model, as fairseq groups them.
        """
        return SelfAttention(embed_dim, cfg.encoder.attention_heads, cfg.attention_dropout)

    def forward(self, x: Tensor, unpadding: Unpadding, selected: Tensor | None = None) -> Tensor:
        """Compute the output of the layer.

        Args:
            x: (N, C).
            unpadding: which sequence each token belongs to.
            selected: int64 (M,), the tokens whose output is needed; None for all.

        Returns:
            (N, C), or (M, C) with ``selected``.
        """
        residual = x  # (N, C)
        if self.normalize_before:
            x = self.self_attn_layer_norm(x)  # (N, C)
        x = self.self_attn(x, unpadding)  # (N, C)
        if selected is not None:
            # Every token is attended to, but from here on each token is on its own.
            x, residual = x.index_select(0, selected), residual.index_select(0, selected)  # (M, C)
        x = self.dropout_module.add(apply_linear(self.self_attn.out_proj, x), residual)  # (N, C)
        if not self.normalize_before:
            x = self.self_attn_layer_norm(x)  # (N, C)

        residual = x  # (N, C)
        if self.normalize_before:
            x = self.final_layer_norm(x)  # (N, C)
        x = self.activation_fn(apply_linear(self.fc1, x))  # (N, inner width)
        x = apply_linear(self.fc2, self.activation_dropout_module(x))  # (N, C)
        x = self.dropout_module.add(x, residual)  # (N, C)
        if not self.normalize_before:
            x = self.final_layer_norm(x)  # (N, C)
        return x


class SentenceEncoder(TransformerEncoder):
    """The embeddings and layers of RoBERTa.

    Args:
        args: the complete options of the model.
        dictionary: the dictionary of the corpus.
        embed_tokens: the embeddings of its symbols.

    Raises:
        InputError: if the options ask for quantization noise.
    """

    dropout_module: FairseqDropout

    def __init__(self, args: Namespace, dictionary: Dictionary, embed_tokens: nn.Embedding):
        if args.quant_noise_pq or args.quant_noise_scalar:
            raise InputError(
                "--quant-noise-pq and --quant-noise-scalar do not work with the architectures of "
                "cline; leave them at 0"
            )
        bound_memory()
        super().__init__(args, dictionary, embed_tokens)
        self.dropout_module = Dropout(self.dropout_module.p, type(self).__name__)
        self.checkpoint_activations = getattr(args, "checkpoint_activations", False)

    def build_encoder_layer(self, args: Namespace) -> nn.Module:
        """Build a layer, for fairseq."""
        cfg = TransformerConfig.from_namespace(args)
        layer = EncoderLayer(cfg)
        if getattr(args, "compile", False):
            mark_constants()
            layer.compile()
        return fsdp_wrap(
            layer, min_num_params=0 if cfg.checkpoint_activations else cfg.min_params_to_wrap
        )

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        return_all_hiddens: bool = False,
        token_embeddings: Tensor | None = None,
    ) -> dict[str, list[Tensor]]:
        """Encode a padded batch, as fairseq's encoder does.

        Args:
            src_tokens: int64 (B, T).
            src_lengths: ignored.
            return_all_hiddens: also return the output of the embeddings and of every layer.
            token_embeddings: (B, T, C), instead of the embeddings of ``src_tokens``.

        Returns:
            fairseq's dictionary. States are (T, B, C), with zeros at padding;
            ``encoder_embedding`` is empty.
        """
        unpadding = Unpadding.of(src_tokens, self.padding_idx)
        states: list[Tensor] | None = [] if return_all_hiddens else None
        x = self.encode(src_tokens, unpadding, states=states, token_embeddings=token_embeddings)
        return {
            "encoder_out": [unpadding.pad(x).transpose(0, 1)],  # (T, B, C)
            "encoder_padding_mask": [src_tokens.eq(self.padding_idx)],  # (B, T)
            "encoder_embedding": [],
            "encoder_states": [unpadding.pad(state).transpose(0, 1) for state in states or ()],
            "fc_results": [],
            "src_tokens": [],
            "src_lengths": [src_tokens.ne(self.padding_idx).sum(1, keepdim=True).int()],  # (B, 1)
        }

    def encode(
        self,
        src_tokens: Tensor,
        unpadding: Unpadding,
        selected: Tensor | None = None,
        states: list[Tensor] | None = None,
        token_embeddings: Tensor | None = None,
    ) -> Tensor:
        """Compute the output of the last layer for the real tokens of a batch.

        Args:
            src_tokens: int64 (B, T).
            unpadding: of ``src_tokens``.
            selected: int64 (M,), the unpadded tokens whose output is needed; None for all.
            states: a list to which the output of the embeddings and of each layer is appended,
                (N, C) each.
            token_embeddings: (B, T, C), instead of the embeddings of ``src_tokens``.

        Returns:
            (N, C), or (M, C) with ``selected``.
        """
        x = self._embed(src_tokens, unpadding, token_embeddings)  # (N, C)
        layers = list(self.layers)  # LayerDrop leaves some out
        for i, layer in enumerate(layers):
            if states is not None:
                states.append(x)
            wanted = selected if i == len(layers) - 1 else None
            if self.checkpoint_activations and self.training:
                x = checkpoint(layer, x, unpadding, wanted, use_reentrant=False)  # (N, C)
            else:
                x = layer(x, unpadding, wanted)  # (N, C); (M, C) after the last layer
        if states is not None:
            states.append(x)
        if selected is not None and not layers:
            x = x.index_select(0, selected)  # (M, C)
        return x if self.layer_norm is None else self.layer_norm(x)

    def _embed(
        self, src_tokens: Tensor, unpadding: Unpadding, token_embeddings: Tensor | None
    ) -> Tensor:
        if token_embeddings is None:
            x = self.embed_tokens(unpadding.unpad(src_tokens))  # (N, C)
        else:
            x = unpadding.unpad(token_embeddings)  # (N, C)
        if self.embed_scale != 1:
            x = x * self.embed_scale
        if self.embed_positions is not None:
            x = self._add_positions(x, src_tokens, unpadding)  # (N, C)
        if self.layernorm_embedding is not None:
            x = self.layernorm_embedding(x)  # (N, C)
        return self.dropout_module(x)

    def _add_positions(self, x: Tensor, src_tokens: Tensor, unpadding: Unpadding) -> Tensor:
        table = self.embed_positions
        if not isinstance(table, LearnedPositionalEmbedding):
            return x + unpadding.unpad(table(src_tokens))  # (N, C)
        if unpadding.indices is None:  # every sequence has the same positions: nothing to look up
            first = self.padding_idx + 1
            positions = table.weight[first : first + unpadding.max_seqlen]  # (T, C)
            return (x.unflatten(0, (-1, unpadding.max_seqlen)) + positions).flatten(0, 1)  # (N, C)
        positions = unpadding.unpad(make_positions(src_tokens, self.padding_idx))  # (N,)
        return x + F.embedding(positions, table.weight, self.padding_idx)  # (N, C)


class LMHead(RobertaLMHead):
    """RoBERTa's LM head, with the bias added in the product that makes the logits."""

    def forward(
        self, features: Tensor, masked_tokens: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Compute logits over the vocabulary of V symbols.

        Args:
            features: (..., C).
            masked_tokens: bool (...), where logits are needed; None for everywhere.
            kwargs: ignored, as in fairseq.

        Returns:
            (..., V), or (M, V) for M masked tokens.
        """
        if masked_tokens is not None:
            features = features[masked_tokens]  # (M, C)
        x = self.activation_fn(apply_linear(self.dense, features))  # (M, C)
        return linear(self.layer_norm(x), [self.weight], [self.bias])  # (M, V)


class UnpaddedRobertaEncoder(RobertaEncoder):
    """RoBERTa's encoder and LM head."""

    def build_encoder(
        self, args: Namespace, dictionary: Dictionary, embed_tokens: nn.Embedding
    ) -> SentenceEncoder:
        """Build the embeddings and layers, for fairseq.

        Args:
            args: the complete options of the model.
            dictionary: the dictionary of the corpus.
            embed_tokens: the embeddings of its symbols.
        """
        encoder = SentenceEncoder(args, dictionary, embed_tokens)
        encoder.apply(init_bert_params)
        return encoder

    def build_lm_head(
        self, embed_dim: int, output_dim: int, activation_fn: str, weight: Tensor | None
    ) -> LMHead:
        """Build the LM head, for fairseq.

        Args:
            embed_dim: C, the width of the model.
            output_dim: V, the size of the vocabulary.
            activation_fn: name of an activation function of fairseq.
            weight: (V, C), the word embeddings, or None for a matrix of its own.
        """
        return LMHead(embed_dim, output_dim, activation_fn, weight)

    def forward(
        self,
        src_tokens: Tensor,
        features_only: bool = False,
        return_all_hiddens: bool = False,
        masked_tokens: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, dict[str, Any]]:
        """Encode a padded batch, as fairseq's RoBERTa does.

        With ``masked_tokens``, the last layer computes the output of these tokens only.

        Args:
            src_tokens: int64 (B, T).
            features_only: return features instead of logits.
            return_all_hiddens: also return the states of all layers, as "inner_states".
            masked_tokens: bool (B, T), where logits are needed; None for everywhere.
            kwargs: ignored, as in fairseq.

        Returns:
            Logits (M, V) of M masked tokens, or (B, T, V), or features (B, T, C); and a dictionary
            with "inner_states".
        """
        if features_only or return_all_hiddens or masked_tokens is None:
            return super().forward(
                src_tokens, features_only, return_all_hiddens, masked_tokens, **kwargs
            )
        unpadding = Unpadding.of(src_tokens, self.sentence_encoder.padding_idx)
        masked = unpadding.locate(masked_tokens.flatten().nonzero().squeeze(1))  # (M,)
        features = self.sentence_encoder.encode(src_tokens, unpadding, fill_up(masked))
        return self.output_layer(features[: len(masked)]), {"inner_states": None}  # (M, V)
