"""The names of models, and of RoBERTa's parameters in fairseq and in Hugging Face."""

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

_EMBEDDINGS = {
    "embed_tokens.weight": "word_embeddings.weight",
    "embed_positions.weight": "position_embeddings.weight",
    "layernorm_embedding.weight": "LayerNorm.weight",
    "layernorm_embedding.bias": "LayerNorm.bias",
}
_MODULES_OF_LAYER = {
    "self_attn.q_proj": "attention.self.query",
    "self_attn.k_proj": "attention.self.key",
    "self_attn.v_proj": "attention.self.value",
    "self_attn.out_proj": "attention.output.dense",
    "self_attn_layer_norm": "attention.output.LayerNorm",
    "fc1": "intermediate.dense",
    "fc2": "output.dense",
    "final_layer_norm": "output.LayerNorm",
}
_LM_HEAD = {
    "weight": "decoder.weight",  # the embeddings, unless they are untied
    "bias": "bias",
    "dense.weight": "dense.weight",
    "dense.bias": "dense.bias",
    "layer_norm.weight": "layer_norm.weight",
    "layer_norm.bias": "layer_norm.bias",
}
_CLASSIFIER = ("dense.weight", "dense.bias", "out_proj.weight", "out_proj.bias")

# The usual names of models, by model_type.
NAMES = {
    "roberta": "RoBERTa",
    "xlm-roberta": "XLM-RoBERTa",
    "camembert": "CamemBERT",
    "bert": "BERT",
    "distilbert": "DistilBERT",
    "electra": "ELECTRA",
}

WORD_EMBEDDINGS = "roberta.embeddings.word_embeddings.weight"
POSITION_EMBEDDINGS = "roberta.embeddings.position_embeddings.weight"
TYPE_EMBEDDINGS = "roberta.embeddings.token_type_embeddings.weight"
DECODER_WEIGHT = "lm_head.decoder.weight"
DECODER_BIAS = "lm_head.decoder.bias"
LM_HEAD_BIAS = "lm_head.bias"
_BY_TOKEN = (WORD_EMBEDDINGS, DECODER_WEIGHT, DECODER_BIAS, LM_HEAD_BIAS)


def encoder_names(num_layers: int) -> dict[str, str]:
    """The names of an encoder's parameters: Hugging Face's by fairseq's."""
    names = {
        f"encoder.sentence_encoder.{ours}": f"roberta.embeddings.{theirs}"
        for ours, theirs in _EMBEDDINGS.items()
    }
    for i in range(num_layers):
        for ours, theirs in _MODULES_OF_LAYER.items():
            for kind in ("weight", "bias"):
                name = f"encoder.sentence_encoder.layers.{i}.{ours}.{kind}"
                names[name] = f"roberta.encoder.layer.{i}.{theirs}.{kind}"
    return names


def lm_head_names() -> dict[str, str]:
    """The names of the LM head's parameters: Hugging Face's by fairseq's."""
    return {f"encoder.lm_head.{ours}": f"lm_head.{theirs}" for ours, theirs in _LM_HEAD.items()}


def classifier_names(head: str) -> dict[str, str]:
    """The names of a classification head's parameters: Hugging Face's by fairseq's."""
    return {f"classification_heads.{head}.{name}": f"classifier.{name}" for name in _CLASSIFIER}


def in_order(tensors: Mapping[str, Tensor], rows: Sequence[int]) -> dict[str, Tensor]:
    """The parameters with their rows for tokens in another order.

    Args:
        tensors: by Hugging Face's names.
        rows: the old row of each new one; empty to leave them as they are. Tensors of another
            number of rows are left as well.
    """
    return {
        name: tensor[list(rows)]
        if name in _BY_TOKEN and rows and len(tensor) == len(rows)
        else tensor
        for name, tensor in tensors.items()
    }


def is_other_head(name: str) -> bool:
    """Whether a Hugging Face parameter belongs to a head that pre-training does not need."""
    return re.match(r"(roberta\.)?pooler\.|classifier\.|qa_outputs\.", name) is not None


def first_of(names: Iterable[str]) -> str:
    """The first three names and the number of further ones, for a message."""
    names = sorted(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
