"""Convert between fairseq's options and the configuration of Hugging Face's RoBERTa.

Models that the other side cannot represent are refused, so a converted model computes the same.
"""

from typing import Any

from ..dictionary import FIRST_POSITION, SPECIAL
from ..errors import InputError
from ..models.config import LAYER_NORM_EPS, SENTENCE_VECTORS
from .camembert import TOKEN_IDS as IDS_OF_CAMEMBERT
from .parameter_names import NAMES

MODEL_TYPES = ("roberta", "xlm-roberta", "camembert")  # the same architecture
# Larger sizes are errors, which would take hours or all memory before they are noticed.
_MOST = {"num_hidden_layers": 1_000, "hidden_size": 100_000}
_MOST_OF_ANY = 10_000_000
_IDS = {
    f"{name}_token_id": SPECIAL.index(symbol)
    for name, symbol in zip(("bos", "pad", "eos"), SPECIAL, strict=False)
}


def to_hf_config(args: Any, num_symbols: int) -> dict[str, Any]:
    """Convert fairseq's options to arguments of transformers' RobertaConfig.

    Args:
        args: the options of a CLINE or RoBERTa model.
        num_symbols: number of rows of its embedding matrix.

    Raises:
        InputError: if Hugging Face's RoBERTa cannot represent the model.
    """
    _require("activation function", args.activation_fn, "gelu")
    if args.encoder_normalize_before or not getattr(args, "layernorm_embedding", True):
        raise InputError(
            "the model has layer norms before its layers (--encoder-normalize-before) or none "
            "after its embeddings, unlike Hugging Face's RoBERTa: it cannot be exported"
        )
    return {
        "vocab_size": num_symbols,
        "hidden_size": args.encoder_embed_dim,
        "num_hidden_layers": args.encoder_layers,
        "num_attention_heads": args.encoder_attention_heads,
        "intermediate_size": args.encoder_ffn_embed_dim,
        "hidden_act": "gelu",
        "hidden_dropout_prob": args.dropout,
        "attention_probs_dropout_prob": args.attention_dropout,
        "classifier_dropout": args.pooler_dropout,
        "max_position_embeddings": args.max_positions + FIRST_POSITION,
        "type_vocab_size": 1,
        "layer_norm_eps": getattr(args, "layer_norm_eps", LAYER_NORM_EPS),
        "tie_word_embeddings": not getattr(args, "untie_weights_roberta", False),
        "sentence_vector": getattr(args, "sentence_vector", SENTENCE_VECTORS[0]),  # CLINE's
        "normalize_sentence_vector": getattr(args, "normalize_sentence_vector", False),
        **_IDS,
    }


def from_hf_config(config: dict[str, Any]) -> dict[str, Any]:
    """Convert a config.json to fairseq's options.

    Args:
        config: the content of config.json; missing values have transformers' defaults.

    Raises:
        InputError: if it is not a RoBERTa, or one that fairseq cannot represent.
    """
    if config.get("model_type") not in MODEL_TYPES:
        raise InputError(
            f"the model_type in config.json is {config.get('model_type')!r}, and must be one of "
            f"{', '.join(NAMES)}: only RoBERTa's and BERT's architectures can be converted"
        )
    _require("hidden_act", config.get("hidden_act", "gelu"), "gelu")
    _require(
        "position_embedding_type", config.get("position_embedding_type", "absolute"), "absolute"
    )
    for name in ("is_decoder", "add_cross_attention"):
        _require(name, config.get(name, False), False)
    ids = IDS_OF_CAMEMBERT if config["model_type"] == "camembert" else _IDS
    for name, value in ids.items():
        _require(name, config.get(name, value), value)
    dim, heads = _size(config, "hidden_size", 768), _size(config, "num_attention_heads", 12)
    if dim % heads:
        raise InputError(f"hidden_size {dim} in config.json is not a multiple of its {heads} heads")
    sentence_vector = config.get("sentence_vector", SENTENCE_VECTORS[0])
    if sentence_vector not in SENTENCE_VECTORS:
        raise InputError(f"sentence_vector in config.json is {sentence_vector!r}")
    dropout = _share(config, "hidden_dropout_prob", 0.1)
    return {
        "encoder_layers": _size(config, "num_hidden_layers", 12),
        "encoder_embed_dim": dim,
        "encoder_ffn_embed_dim": _size(config, "intermediate_size", 3072),
        "encoder_attention_heads": heads,
        "max_positions": _size(config, "max_position_embeddings", 512) - FIRST_POSITION,
        "activation_fn": "gelu",
        "dropout": dropout,
        "attention_dropout": _share(config, "attention_probs_dropout_prob", 0.1),
        "pooler_dropout": _share(config, "classifier_dropout", dropout),
        "untie_weights_roberta": not config.get("tie_word_embeddings", True),
        "sentence_vector": sentence_vector,
        "normalize_sentence_vector": bool(config.get("normalize_sentence_vector", False)),
        "layer_norm_eps": _epsilon(config),
    }


def num_tokens(config: dict[str, Any]) -> int:
    """The number of rows of the embedding matrix.

    Raises:
        InputError: if it is not a valid number.
    """
    return _size(config, "vocab_size", 50265)


def _size(config, name, default):
    value = config.get(name, default)
    if not isinstance(value, int) or value < 1:
        raise InputError(f"{name} in config.json must be a positive integer, not {value!r}")
    most = _MOST.get(name, _MOST_OF_ANY)
    if value > most:
        raise InputError(f"{name} in config.json is {value:,}, and must be at most {most:,}")
    return value


def _epsilon(config):
    value = config.get("layer_norm_eps", 1e-12)
    if not isinstance(value, float) or not 0 < value < 1:
        raise InputError(
            f"layer_norm_eps in config.json must be a number between 0 and 1, not {value!r}"
        )
    return value


def _share(config, name, default):
    value = config.get(name)
    value = default if value is None else value
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise InputError(f"{name} in config.json must be a number from 0 to below 1, not {value!r}")
    return value


def _require(name, value, expected):
    if value != expected:
        raise InputError(
            f"the model's {name} is {value!r}, and must be {expected!r} for fairseq and Hugging "
            "Face to compute the same"
        )
