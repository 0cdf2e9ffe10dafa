"""The CLINE model: RoBERTa, with a head that detects replaced tokens.

Everything but that head has RoBERTa's parameter names: pre-training starts from a RoBERTa
checkpoint, and fairseq's own tasks fine-tune a CLINE checkpoint.
"""

from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from fairseq.models import register_model, register_model_architecture
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_base_architecture
from fairseq.modules import LayerNorm
from fairseq.utils import get_activation_fn, safe_getattr
from omegaconf import OmegaConf
from torch import Tensor, nn

from ..errors import InputError
from .encoder import UnpaddedRobertaEncoder
from .from_checkpoint import prepare, take_sizes
from .operations import apply_linear
from .unpadding import Unpadding

SENTENCE_VECTORS = ("cls", "mean")


class ClineOutput(NamedTuple):
    """What the losses need for a batch of B texts.

    Attributes:
        mlm_logits: (M, V), for the M masked tokens, over the vocabulary.
        rtd_logits: (2B, T), for the tokens of the synonym views and the antonym views: positive
            where a token looks replaced, 0 at padding.
        sentences: (3, B, C), a vector for every original, synonym view and antonym view.
    """

    mlm_logits: Tensor
    rtd_logits: Tensor
    sentences: Tensor


class RTDHead(nn.Module):
    """Replaced token detection: is this token the original one?

    The same transformation as in RoBERTa's LM head, and one logit for each token.

    Args:
        dim: C, the width of the model.
        activation_fn: name of an activation function of fairseq.
    """

    def __init__(self, dim: int, activation_fn: str):
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        self.activation_fn = get_activation_fn(activation_fn)
        self.layer_norm = LayerNorm(dim)
        self.out_proj = nn.Linear(dim, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Compute logits (...) from features (..., C)."""
        x = self.activation_fn(apply_linear(self.dense, features))  # (..., C)
        return self.out_proj(self.layer_norm(x)).squeeze(-1)  # (...)


class ClineEncoder(UnpaddedRobertaEncoder):
    """RoBERTa's encoder and LM head, and the RTD head.

    Args:
        args: the complete options of the model.
        dictionary: the dictionary of the corpus.
    """

    def __init__(self, args: Namespace, dictionary: Dictionary):
        super().__init__(args, dictionary)
        self.rtd_head = RTDHead(args.encoder_embed_dim, args.activation_fn)

    def forward_views(
        self,
        src_tokens: Tensor,
        masked_tokens: Tensor,
        sentence_vector: str,
        clean_original: bool = False,
    ) -> ClineOutput:
        """Encode originals and views together, and apply the three heads.

        Args:
            src_tokens: int64 (3B, T): B masked originals, B synonym views, B antonym views; or
                (4B, T) with ``clean_original``: then the B originals without masks.
            masked_tokens: bool (B, T), or (3B, T) if the views are masked too: where the LM head is
                applied.
            sentence_vector: ``"cls"`` or ``"mean"``: what represents a text.
            clean_original: whether the originals without masks represent the texts.
        """
        B = len(src_tokens) // (4 if clean_original else 3)  # noqa: N806
        unpadding = Unpadding.of(src_tokens, self.sentence_encoder.padding_idx)
        x = self.sentence_encoder.encode(src_tokens, unpadding)  # (N, C)

        # Masked LM: the masked tokens.
        masked = unpadding.locate(masked_tokens.flatten().nonzero().squeeze(1))  # (M,)
        mlm_logits = self.output_layer(x.index_select(0, masked))  # (M, V)

        # Replaced token detection: all tokens of the views, which are one slice of the N tokens.
        begin = unpadding.start(B)
        end = unpadding.start(3 * B) if clean_original else unpadding.total
        rtd_logits = self.rtd_head(x[begin:end])  # (tokens of the views,)
        rtd_logits = F.pad(rtd_logits, (begin, unpadding.total - end))  # (N,)
        rtd_logits = unpadding.pad(rtd_logits)[B : 3 * B]  # (2B, T)

        # Contrast: a vector for each text.
        if sentence_vector == "cls":
            vectors = x.index_select(0, unpadding.starts())  # (3B, C) or (4B, C)
        else:
            vectors = unpadding.mean(x)  # (3B, C) or (4B, C)
        originals = vectors[3 * B :] if clean_original else vectors[:B]  # (B, C)
        sentences = torch.cat([originals, vectors[B : 3 * B]]).unflatten(0, (3, B))  # (3, B, C)
        return ClineOutput(mlm_logits, rtd_logits, sentences)


@register_model("cline")
class ClineModel(RobertaModel):
    """RoBERTa with an RTD head. The heads of classification are RoBERTa's."""

    @classmethod
    def hub_models(cls):
        """There are no published checkpoints yet."""
        return {}

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        checkpoint_file: str | None = None,
        data_name_or_path: str | Path | None = None,
        bpe: str | None = None,
        **kwargs: str | Path,
    ):
        """The model in a folder, as fairseq's ``RobertaModel.from_pretrained`` gives RoBERTa.

        The dictionary and the tokenizer are those that the checkpoint records, or those beside it.

        Args:
            model_name_or_path: folder that cline-fairseq export-cline, cline-fairseq import-hf or
                cline-fairseq export-roberta wrote, or of a training run (--save-dir), or an encoder
                of cline-fairseq export-hf; or a checkpoint.
            checkpoint_file: in the folder; of CLINE or RoBERTa, pre-trained or fine-tuned. By
                default, the first that exists of model.pt, checkpoint_best.pt, checkpoint_last.pt.
            data_name_or_path: folder with the dict.txt of the corpus, or with the data of a
                classifier, if they have moved; relative to the first folder.
            bpe: sentencepiece or gpt2, if the files of the tokenizer have moved.
            kwargs: the files of ``bpe`` by fairseq's options, as ``sentencepiece_model``.

        Returns:
            a :class:`~cline_fairseq.hub.ClineHubInterface`.

        Raises:
            MissingFileError: if a file cannot be found.
            InputError: if something is no checkpoint, no tokenizer or no dictionary, or if they do
                not fit each other.
        """
        from ..hub import from_folder

        return from_folder(model_name_or_path, checkpoint_file, data_name_or_path, bpe, **kwargs)

    @staticmethod
    def add_args(parser):
        """RoBERTa's options and ours."""
        RobertaModel.add_args(parser)
        parser.add_argument(
            "--sentence-vector",
            choices=SENTENCE_VECTORS,
            help="what stands for a text in the contrastive loss: the last-layer vector of <s>, "
            "or the mean over its tokens",
        )
        parser.add_argument(
            "--compile",
            action="store_true",
            help="compile the layers with torch.compile when they first run",
        )
        parser.add_argument(
            "--checkpoint-activations",
            action="store_true",
            help="make the activations of a layer again in the backward pass instead of keeping "
            "them: less memory, more time",
        )

    prepare = staticmethod(prepare)

    @classmethod
    def build_model(cls, args, task):
        """Build the model; see fairseq."""
        if OmegaConf.is_config(args):  # under fairseq-hydra-train
            OmegaConf.set_struct(args, False)
        base_architecture(args)
        block = getattr(task.cfg, "tokens_per_sample", None)
        if block is not None and block > args.max_positions:
            raise InputError(
                f"blocks of {block} tokens (--tokens-per-sample) do not fit into a model of "
                f"{args.max_positions} positions (--max-positions): give --tokens-per-sample "
                f"{args.max_positions} or less"
            )
        if args.sentence_vector not in SENTENCE_VECTORS:
            raise InputError(
                f"--sentence-vector must be one of {', '.join(SENTENCE_VECTORS)}, not "
                f"{args.sentence_vector!r}"
            )
        return cls(args, ClineEncoder(args, task.source_dictionary))

    def forward(
        self,
        src_tokens: Tensor,
        masked_tokens: Tensor | None = None,
        views: bool = False,
        clean_original: bool = False,
        **kwargs,
    ):
        """Encode texts; as RoBERTa does, unless ``views`` is set.

        Args:
            src_tokens: int64 (N, T); with ``views``, N = 3B: originals, synonym views, antonym
                views.
            masked_tokens: bool (N, T): where the LM head is wanted. With ``views``, (B, T), or
                (3B, T) if the views are masked too.
            views: return what the losses of CLINE need, a :class:`ClineOutput`.
            clean_original: with ``views``, N = 4B: the last B rows are the originals without masks,
                which stand for the texts.
        """
        if not views:
            return super().forward(src_tokens, masked_tokens=masked_tokens, **kwargs)
        return self.encoder.forward_views(
            src_tokens, masked_tokens, self.args.sentence_vector, clean_original
        )

    def upgrade_state_dict_named(self, state_dict, name):
        """Fit a checkpoint to this model.

        RoBERTa's have no RTD head, and this model may have fewer positions, the first ones.
        """
        super().upgrade_state_dict_named(state_dict, name)
        prefix = f"{name}." if name else ""
        positions = f"{prefix}encoder.sentence_encoder.embed_positions.weight"
        if positions in state_dict:
            rows = len(self.encoder.sentence_encoder.embed_positions.weight)
            state_dict[positions] = state_dict[positions][:rows]
        for key, value in self.encoder.rtd_head.state_dict().items():
            state_dict.setdefault(f"{prefix}encoder.rtd_head.{key}", value)


@register_model_architecture("cline", "cline_base")
def base_architecture(args):
    """RoBERTa-base: 12 layers, 768 wide, 12 heads."""
    _set_size(args, layers=12, dim=768, heads=12)


@register_model_architecture("cline", "cline_large")
def large_architecture(args):
    """RoBERTa-large: 24 layers, 1024 wide, 16 heads."""
    _set_size(args, layers=24, dim=1024, heads=16)


@register_model_architecture("cline", "cline_small")
def small_architecture(args):
    """6 layers, 512 wide, 8 heads."""
    _set_size(args, layers=6, dim=512, heads=8)


@register_model_architecture("cline", "cline_tiny")
def tiny_architecture(args):
    """2 layers, 128 wide, 2 heads."""
    _set_size(args, layers=2, dim=128, heads=2)


def _set_size(args, layers, dim, heads):
    """Fill in what was not typed: from the checkpoint to start from, else as given here."""
    take_sizes(args)
    args.encoder_layers = safe_getattr(args, "encoder_layers", layers)
    args.encoder_embed_dim = safe_getattr(args, "encoder_embed_dim", dim)
    args.encoder_ffn_embed_dim = safe_getattr(args, "encoder_ffn_embed_dim", 4 * dim)
    args.encoder_attention_heads = safe_getattr(args, "encoder_attention_heads", heads)
    args.max_positions = safe_getattr(args, "max_positions", 512)
    args.sentence_vector = safe_getattr(args, "sentence_vector", "cls")
    args.compile = getattr(args, "compile", False)
    args.checkpoint_activations = getattr(args, "checkpoint_activations", False)
    roberta_base_architecture(args)
