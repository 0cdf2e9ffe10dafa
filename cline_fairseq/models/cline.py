"""The CLINE model: RoBERTa, with a head that detects replaced tokens.

Everything but that head has RoBERTa's parameter names: pre-training starts from a RoBERTa
checkpoint, and fairseq's own tasks fine-tune a CLINE checkpoint.
"""

from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
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
from .operations import apply_linear, fill_up
from .unpadding import Unpadding

SENTENCE_VECTORS = ("cls", "mean")


class ClineOutput(NamedTuple):
    """What the losses need of a batch of B texts."""

    mlm_logits: Tensor  # (masked tokens, vocabulary)
    rtd_logits: Tensor  # (2B, T), positive where a token looks replaced; 0 at padding
    sentences: Tensor  # (3, B, C), of originals, synonym and antonym views


class RTDHead(nn.Module):
    """Replaced token detection: is this token the original one?

    A transformation like that of RoBERTa's LM head, and one logit for each token.
    """

    def __init__(self, dim: int, activation_fn: str):
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        self.activation_fn = get_activation_fn(activation_fn)
        self.layer_norm = LayerNorm(dim)
        self.out_proj = nn.Linear(dim, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (...) of features (..., C)."""
        x = self.layer_norm(self.activation_fn(apply_linear(self.dense, features)))
        return self.out_proj(x).squeeze(-1)


class ClineEncoder(UnpaddedRobertaEncoder):
    """RoBERTa's encoder and LM head, and the RTD head."""

    def __init__(self, args, dictionary):
        super().__init__(args, dictionary)
        self.rtd_head = RTDHead(args.encoder_embed_dim, args.activation_fn)

    def forward_views(
        self,
        src_tokens: Tensor,
        masked_tokens: Tensor,
        sentence_vector: str,
        clean_original: bool = False,
    ) -> ClineOutput:
        """What the losses need; see :meth:`ClineModel.forward`."""
        unpadding = Unpadding.of(src_tokens, self.sentence_encoder.padding_idx)
        texts, starts = len(src_tokens) // (4 if clean_original else 3), unpadding.starts()
        begin = unpadding.start(texts)  # of the rewrites
        end = unpadding.start(3 * texts) if clean_original else unpadding.total
        # Masked tokens of the rewrites are read anyway, along with all others of the rewrites.
        in_originals, in_rewrites = (
            unpadding.locate(masked.flatten().nonzero().squeeze(1) + row * src_tokens.shape[1])
            for masked, row in ((masked_tokens[:texts], 0), (masked_tokens[texts:], texts))
        )
        if sentence_vector == "cls":
            # No loss reads the other tokens of the originals: the last layer leaves them out.
            originals = starts[3 * texts :] if clean_original else starts[:texts]
            read = torch.arange(begin, end, device=src_tokens.device)
            read = fill_up(torch.cat([in_originals, originals, read]))
            features = self.sentence_encoder.encode(src_tokens, unpadding, read)
            sizes = [len(in_originals), texts, end - begin]
            masked_features, originals, rewritten = features[: sum(sizes)].split(sizes)
            views = rewritten.index_select(0, starts[texts : 3 * texts] - begin)
        else:
            features = self.sentence_encoder.encode(src_tokens, unpadding)
            masked_features, rewritten = features.index_select(0, in_originals), features[begin:end]
            means = unpadding.mean(features)
            originals = means[3 * texts :] if clean_original else means[:texts]
            views = means[texts : 3 * texts]
        masked_features = torch.cat(
            [masked_features, rewritten.index_select(0, in_rewrites - begin)]
        )
        rtd_logits = F.pad(self.rtd_head(rewritten), (begin, unpadding.total - end))
        return ClineOutput(
            self.output_layer(masked_features),
            unpadding.pad(rtd_logits)[texts : 3 * texts],
            torch.cat([originals, views]).unflatten(0, (3, texts)),
        )


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
            model_name_or_path: folder that scripts/export_cline.py, scripts/import_hf.py or
                scripts/export_roberta.py wrote, or of a training run (--save-dir), or an encoder
                of scripts/export_hf.py; or a checkpoint.
            checkpoint_file: in the folder; of CLINE or RoBERTa, pre-trained or fine-tuned. By
                default, the first that exists of model.pt, checkpoint_best.pt, checkpoint_last.pt.
            data_name_or_path: folder with the dict.txt of the corpus, or with the data of a
                classifier, if they have moved; relative to the first folder.
            bpe: sentencepiece or gpt2, if the files of the tokenizer have moved.
            kwargs: the files of ``bpe`` by fairseq's options, as ``sentencepiece_model``.

        Returns:
            a :class:`~cline_fairseq.interop.hub.ClineHubInterface`.

        Raises:
            MissingFileError: if a file cannot be found.
            InputError: if something is no checkpoint, no tokenizer or no dictionary, or if they do
                not fit each other.
        """
        from ..interop.hub import from_folder

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
