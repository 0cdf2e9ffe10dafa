"""The CLINE model: RoBERTa, with a head that detects replaced tokens.

Everything but that head has RoBERTa's parameter names: pre-training can start from a RoBERTa
checkpoint, and fairseq's own tasks fine-tune a CLINE checkpoint.

Shapes are written with B texts, T tokens in a row of the batch, N real tokens in the batch, M
masked tokens, C features and V symbols of the vocabulary.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
import torch.nn.functional as F
from fairseq.data import Dictionary
from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import ARCH_CONFIG_REGISTRY, register_model, register_model_architecture
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_base_architecture
from fairseq.modules import LayerNorm
from fairseq.tasks import FairseqTask
from fairseq.utils import get_activation_fn
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from ..errors import InputError
from .config import SENTENCE_VECTORS, ClineModelConfig, fill_in
from .encoder import UnpaddedRobertaEncoder
from .from_checkpoint import prepare, take_sizes
from .operations import apply_linear
from .pooler import start_heads
from .unpadding import Unpadding

if TYPE_CHECKING:
    from ..hub import ClineHubInterface


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
        plain: leave out the layer norm, as ELECTRA does.
    """

    def __init__(self, dim: int, activation_fn: str, plain: bool = False):
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        self.activation_fn = get_activation_fn(activation_fn)
        self.layer_norm = nn.Identity() if plain else LayerNorm(dim)
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
        plain = getattr(args, "rtd_head_plain", False)
        self.rtd_head = RTDHead(args.encoder_embed_dim, args.activation_fn, plain)

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
        # All that waits for a GPU comes before the encoder, when the GPU has nothing to do anyway.
        unpadding = Unpadding.of(src_tokens, self.sentence_encoder.padding_idx)
        masked = unpadding.locate(masked_tokens.flatten().nonzero().squeeze(1))  # (M,)
        begin, end = unpadding.bounds(B, 3 * B)  # the tokens of the views

        x = self.sentence_encoder.encode(src_tokens, unpadding)  # (N, C)

        # Masked LM: the masked tokens.
        mlm_logits = self.output_layer(x.index_select(0, masked))  # (M, V)

        # Replaced token detection: all tokens of the views, which are one slice of the N tokens.
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


@register_model("cline", dataclass=ClineModelConfig)
class ClineModel(RobertaModel):
    """RoBERTa with an RTD head. Classification heads are RoBERTa's."""

    @classmethod
    def hub_models(cls) -> dict[str, str]:
        """Return the published checkpoints: none yet."""
        return {}

    @classmethod
    def from_pretrained(
        cls,
        model_name_or_path: str | Path,
        checkpoint_file: str | None = None,
        data_name_or_path: str | Path | None = None,
        bpe: str | None = None,
        **kwargs: str | Path | bool,
    ) -> "ClineHubInterface":
        """Load a model from a folder, like fairseq's ``RobertaModel.from_pretrained``.

        The dictionary and the tokenizer are those that the checkpoint records, or else those next
        to it.

        Args:
            model_name_or_path: a checkpoint; or a folder with one, such as the --save-dir of a
                training run, or what ``cline-fairseq`` wrote with its commands ``export-cline``,
                ``export-roberta``, ``export-hf`` and ``import-hf``.
            checkpoint_file: name of the checkpoint in the folder, of CLINE or RoBERTa, pre-trained
                or fine-tuned. By default, the first of model.pt, checkpoint_best.pt and
                checkpoint_last.pt that exists.
            data_name_or_path: folder with the dict.txt of the corpus, or with the data of a
                classifier, if it is no longer where the checkpoint records it. A relative path is
                relative to the first folder.
            bpe: ``"sentencepiece"``, ``"gpt2"`` or ``"bert"``, if the files of the tokenizer are no
                longer where the checkpoint records them.
            kwargs: the files of ``bpe``, named like fairseq's options, e.g.
                ``sentencepiece_model``; and ``bpe_cased``, a bool.

        Raises:
            MissingFileError: if a file cannot be found.
            InputError: if a file is not a checkpoint, tokenizer or dictionary, or if they do not
                belong together.
        """
        from ..hub import from_folder

        return from_folder(model_name_or_path, checkpoint_file, data_name_or_path, bpe, **kwargs)

    @classmethod
    def add_args(cls, parser: ArgumentParser) -> None:
        """Add the options of :class:`ClineModelConfig`, which fairseq would do if RoBERTa did not.

        They have no defaults here, so that the architecture can tell what was typed.
        """
        gen_parser_from_dataclass(parser, ClineModelConfig(), delete_default=True)

    prepare = staticmethod(prepare)

    @classmethod
    def build_model(cls, cfg: DictConfig | Namespace, task: FairseqTask) -> "ClineModel":
        """Build a model.

        Args:
            cfg: options of the model; those that are missing or None are filled in.
            task: a task with a ``source_dictionary``.

        Raises:
            InputError: if the blocks of the task are longer than the model's positions, or if an
                option has no valid value.
        """
        args = _complete(cfg)
        block = getattr(task.cfg, "tokens_per_sample", None)
        if block is not None and block > args.max_positions:
            raise InputError(
                f"blocks of {block} tokens (--tokens-per-sample) do not fit into a model of "
                f"{args.max_positions} positions (--max-positions): pass --tokens-per-sample "
                f"{args.max_positions} or less"
            )
        if args.sentence_vector not in SENTENCE_VECTORS:
            raise InputError(
                f"--sentence-vector must be one of {', '.join(SENTENCE_VECTORS)}, not "
                f"{args.sentence_vector!r}"
            )
        if not args.layer_norm_eps > 0:
            raise InputError(f"--layer-norm-eps must be above 0, not {args.layer_norm_eps}")
        model = cls(args, ClineEncoder(args, task.source_dictionary))
        _set_epsilon(model, args.layer_norm_eps)
        return model

    def forward(
        self,
        src_tokens: Tensor,
        masked_tokens: Tensor | None = None,
        views: bool = False,
        clean_original: bool = False,
        **kwargs: Any,
    ) -> ClineOutput | tuple[Tensor, dict[str, Any]]:
        """Encode texts, as RoBERTa does unless ``views`` is set.

        Args:
            src_tokens: int64 (B, T); with ``views``, (3B, T): originals, synonym views and antonym
                views of B texts.
            masked_tokens: bool (B, T), where the LM head is applied (default: everywhere). With
                ``views`` it is required, and (3B, T) if the views are masked too.
            views: return what the losses of CLINE need.
            clean_original: with ``views``, ``src_tokens`` is (4B, T): the last B rows are the
                originals without masks, which then represent the texts.
            kwargs: as for RoBERTa.

        Returns:
            With ``views``, a :class:`ClineOutput`. Otherwise what RoBERTa returns: logits or
            features, and a dictionary.
        """
        if not views:
            return super().forward(src_tokens, masked_tokens=masked_tokens, **kwargs)
        return self.encoder.forward_views(
            src_tokens, masked_tokens, self.args.sentence_vector, clean_original
        )

    def upgrade_state_dict_named(self, state_dict: dict[str, Tensor], name: str) -> None:
        """Fit the parameters of a checkpoint to this model, in place.

        RoBERTa's have no RTD head: this model's own is taken. If this model has fewer positions, it
        takes the first ones. New classification heads begin with the pooler of an imported BERT.

        Args:
            state_dict: parameters by name.
            name: the name of this module in them, or "".
        """
        prefix = f"{name}." if name else ""
        start_heads(self, state_dict, prefix)
        super().upgrade_state_dict_named(state_dict, name)
        positions = f"{prefix}encoder.sentence_encoder.embed_positions.weight"
        if positions in state_dict:
            rows = len(self.encoder.sentence_encoder.embed_positions.weight)
            state_dict[positions] = state_dict[positions][:rows]
        for key, value in self.encoder.rtd_head.state_dict().items():
            state_dict.setdefault(f"{prefix}encoder.rtd_head.{key}", value)


@register_model_architecture("cline", "cline_base")
def base_architecture(args: Namespace | DictConfig) -> None:
    """12 layers, 768 wide, 12 heads, like RoBERTa-base."""
    _set_size(args, layers=12, dim=768, heads=12)


@register_model_architecture("cline", "cline_large")
def large_architecture(args: Namespace | DictConfig) -> None:
    """24 layers, 1024 wide, 16 heads, like RoBERTa-large."""
    _set_size(args, layers=24, dim=1024, heads=16)


@register_model_architecture("cline", "cline_small")
def small_architecture(args: Namespace | DictConfig) -> None:
    """6 layers, 512 wide, 8 heads."""
    _set_size(args, layers=6, dim=512, heads=8)


@register_model_architecture("cline", "cline_tiny")
def tiny_architecture(args: Namespace | DictConfig) -> None:
    """2 layers, 128 wide, 2 heads."""
    _set_size(args, layers=2, dim=128, heads=2)


# fairseq registers an architecture with the model's own name that does nothing.
ARCH_CONFIG_REGISTRY["cline"] = base_architecture


def _set_epsilon(model: nn.Module, eps: float) -> None:
    """Set the epsilon of all layer norms, which fairseq builds with the default."""
    for module in model.modules():
        if "LayerNorm" in type(module).__name__:  # torch's, or apex's, which is no subclass
            setattr(module, "eps", eps)  # noqa: B010  which torch's types do not know


def _set_size(args, layers, dim, heads):
    take_sizes(args)
    fill_in(
        args,
        encoder_layers=layers,
        encoder_embed_dim=dim,
        encoder_ffn_embed_dim=4 * dim,
        encoder_attention_heads=heads,
    )


def _complete(cfg):
    """A copy of the options with everything that fairseq's RoBERTa reads."""
    if OmegaConf.is_config(cfg):
        options = OmegaConf.to_container(cfg, resolve=True, enum_to_str=True)
    else:
        options = vars(cfg)
    args = Namespace(**{name: value for name, value in options.items() if value is not None})
    base_architecture(args)
    roberta_base_architecture(args)
    return args
