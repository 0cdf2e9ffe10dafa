"""The options of the model.

A field that nobody sets is None. It then takes the value of the checkpoint that the run starts from
(see :mod:`.from_checkpoint`), else that of the architecture, else that of :data:`DEFAULTS`.
"""

# ruff: noqa: UP045  fairseq does not know int | None

from argparse import Namespace
from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.models.transformer import DEFAULT_MIN_PARAMS_TO_WRAP
from fairseq.utils import get_available_activation_fns
from omegaconf import DictConfig

SENTENCE_VECTORS = ("cls", "mean")
LAYER_NORM_EPS = 1e-5  # of RoBERTa in fairseq
# "auto": bert with the whole vocabulary of a BERT, else roberta.
HF_MODEL_TYPES = ("auto", "roberta", "xlm-roberta", "camembert", "bert", "distilbert", "electra")
# What a checkpoint keeps, and fairseq's own architectures of RoBERTa do not know.
OPTIONS_OF_CLINE = frozenset(
    {
        *("layer_norm_eps", "rtd_head_plain"),
        *("sentence_vector", "normalize_sentence_vector", "hf_model_type"),
    }
)

# What no architecture of CLINE changes; RoBERTa's values.
DEFAULTS: dict[str, Any] = {
    "max_positions": 512,
    "activation_fn": "gelu",
    "pooler_activation_fn": "tanh",
    "encoder_normalize_before": False,
    "layernorm_embedding": True,
    "layer_norm_eps": LAYER_NORM_EPS,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0.0,
    "pooler_dropout": 0.0,
    "load_checkpoint_heads": False,
    "untie_weights_roberta": False,
    "encoder_layerdrop": 0.0,
    "quant_noise_pq": 0.0,
    "quant_noise_pq_block_size": 8,
    "quant_noise_scalar": 0.0,
    "spectral_norm_classification_head": False,
    "min_params_to_wrap": DEFAULT_MIN_PARAMS_TO_WRAP,
    "mha_reg_scale_factor": 0.0,
    "ffn_reg_scale_factor": 0.0,
    "mha_heads_to_keep": -1,
    "ffn_blocks_to_remove": -1,
    "sentence_vector": SENTENCE_VECTORS[0],
    "normalize_sentence_vector": False,
    "rtd_head_plain": False,
    "hf_model_type": HF_MODEL_TYPES[0],
    "compile": False,
    "checkpoint_activations": False,
}


def _option(text: str) -> Any:
    return field(default=None, metadata={"help": text})


@dataclass
class ClineModelConfig(FairseqDataclass):
    """Options of the model: RoBERTa's and CLINE's."""

    encoder_layers: Optional[int] = _option("number of layers")
    encoder_embed_dim: Optional[int] = _option("width of the layers")
    encoder_ffn_embed_dim: Optional[int] = _option("inner width of the feed-forward blocks")
    encoder_attention_heads: Optional[int] = _option("number of attention heads in each layer")
    activation_fn: Optional[ChoiceEnum(get_available_activation_fns())] = _option(  # type: ignore[valid-type]
        "activation function of the layers and heads"
    )
    pooler_activation_fn: Optional[ChoiceEnum(get_available_activation_fns())] = _option(  # type: ignore[valid-type]
        "activation function of classification heads"
    )
    encoder_normalize_before: Optional[bool] = _option(
        "normalize the input of each block instead of its output"
    )
    layernorm_embedding: Optional[bool] = _option("normalize the embeddings")
    layer_norm_eps: Optional[float] = _option(
        "what layer norms add to the variance: 1e-5 in RoBERTa, 1e-12 in BERT"
    )
    dropout: Optional[float] = _option("dropout probability")
    attention_dropout: Optional[float] = _option("dropout probability of attention weights")
    activation_dropout: Optional[float] = _option(
        "dropout probability after the activation in feed-forward blocks"
    )
    pooler_dropout: Optional[float] = _option("dropout probability in classification heads")
    max_positions: Optional[int] = _option("number of learned positions")
    load_checkpoint_heads: Optional[bool] = _option(
        "also load the classification heads of a checkpoint"
    )
    untie_weights_roberta: Optional[bool] = _option(
        "give the LM head a matrix of its own instead of the word embeddings"
    )
    encoder_layerdrop: Optional[float] = _option("LayerDrop probability")
    encoder_layers_to_keep: Optional[str] = _option(
        "layers to keep when a trained model is pruned, e.g. 0,2,4"
    )
    quant_noise_pq: Optional[float] = _option("not supported: leave at 0")
    quant_noise_pq_block_size: Optional[int] = _option("not supported")
    quant_noise_scalar: Optional[float] = _option("not supported: leave at 0")
    spectral_norm_classification_head: Optional[bool] = _option(
        "apply spectral normalization to classification heads"
    )
    min_params_to_wrap: Optional[int] = _option(
        "with --ddp-backend fully_sharded, wrap layers that have at least this many parameters; "
        "with --checkpoint-activations, all layers are wrapped"
    )
    mha_reg_scale_factor: Optional[float] = _option(
        "with --criterion sentence_prediction, weight of the regularization of attention heads "
        "that prepares their pruning"
    )
    ffn_reg_scale_factor: Optional[float] = _option(
        "with --criterion sentence_prediction, weight of the regularization of feed-forward blocks "
        "that prepares their pruning"
    )
    mha_heads_to_keep: Optional[int] = _option(
        "number of attention heads that pruning keeps in each layer; -1 for all"
    )
    ffn_blocks_to_remove: Optional[int] = _option(
        "number of inner dimensions that pruning removes from each feed-forward block; -1 for none"
    )
    sentence_vector: Optional[ChoiceEnum(SENTENCE_VECTORS)] = _option(  # type: ignore[valid-type]
        "what represents a text in the contrastive loss: cls for the last-layer vector of <s>, "
        "mean for the mean over its tokens"
    )
    normalize_sentence_vector: Optional[bool] = _option(
        "exports for sentence-transformers normalize the sentence vector; the losses do not"
    )
    hf_model_type: Optional[ChoiceEnum(HF_MODEL_TYPES)] = _option(  # type: ignore[valid-type]
        "what exports for Hugging Face become, if they can: the model_type of the model that was "
        "imported, or auto for bert with the whole vocabulary of a BERT and roberta otherwise"
    )
    rtd_head_plain: Optional[bool] = _option(
        "detect replaced tokens with a head without a layer norm, like ELECTRA's"
    )
    compile: Optional[bool] = _option("compile the layers with torch.compile when they first run")
    checkpoint_activations: Optional[bool] = _option(
        "recompute the activations of a layer in the backward pass instead of keeping them: less "
        "memory, more time"
    )


def fill_in(args: Namespace | DictConfig, **sizes: int) -> None:
    """Set the options that are missing or None.

    Args:
        args: options of the model, changed in place.
        sizes: the values of the architecture, which come before :data:`DEFAULTS`.
    """
    for name, value in {**DEFAULTS, **sizes}.items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)


def is_filled_in(args: Namespace | DictConfig) -> bool:
    """Return whether an architecture has already filled in the options."""
    return all(getattr(args, name, None) is not None for name in DEFAULTS)
