"""BERT and its variants as RoBERTa: options, names of parameters, and the order of rows.

BERT is RoBERTa with token types, another order of its vocabulary, positions that are numbered from
0 on, and layer norms with another epsilon. Texts of one type read the same in both: the embedding
of token type 0 is added to those of the positions.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..dictionary import MADE_UP, MASK, SPECIAL
from ..errors import InputError
from ..models.pooler import POOLER
from ..word_pieces import SPECIAL_PIECES
from .parameter_names import POSITION_EMBEDDINGS, first_of

MODEL_TYPES = ("bert", "distilbert", "electra")
# BERT's names of fairseq's special symbols, in fairseq's order.
SPECIAL_OF_BERT = ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
MASK_OF_BERT = "[MASK]"
BEFORE_POSITIONS = 2  # rows of the table of positions that only RoBERTa has
# DistilBERT's names of options, with their defaults, by BERT's.
DISTILBERT_OPTIONS = {
    "hidden_size": ("dim", 768),
    "num_hidden_layers": ("n_layers", 6),
    "num_attention_heads": ("n_heads", 12),
    "intermediate_size": ("hidden_dim", 3072),
    "hidden_act": ("activation", "gelu"),
    "hidden_dropout_prob": ("dropout", 0.1),
    "attention_probs_dropout_prob": ("attention_dropout", 0.1),
    "max_position_embeddings": ("max_position_embeddings", 512),
    "vocab_size": ("vocab_size", 30522),
}
DISTILBERT_EPS = 1e-12
ACTIVATIONS = {"distilbert": "relu", "electra": "gelu"}  # of classifiers; BERT's is tanh
_BERT = {"vocab_size": 30522, "max_position_embeddings": 512, "layer_norm_eps": 1e-12}
# Other defaults of ELECTRA.
_ELECTRA = {"embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4}
_ELECTRA |= {"intermediate_size": 1024}
# Beginnings of names, and what they are in RoBERTa; # is the number of a layer. The first counts.
_Names = tuple[tuple[str, str], ...]
_NAMES: dict[str, _Names] = {
    "bert": (
        ("bert.pooler.", POOLER),
        ("bert.", "roberta."),
        ("cls.predictions.transform.dense.", "lm_head.dense."),
        ("cls.predictions.transform.LayerNorm.", "lm_head.layer_norm."),
        ("cls.predictions.", "lm_head."),
    ),
    "electra": (
        ("electra.", "roberta."),
        ("discriminator_predictions.dense.", "rtd_head.dense."),
        ("discriminator_predictions.dense_prediction.", "rtd_head.out_proj."),
        ("generator_predictions.dense.", "lm_head.dense."),
        ("generator_predictions.LayerNorm.", "lm_head.layer_norm."),
        ("generator_lm_head.bias", "lm_head.bias"),
        ("generator_lm_head.", "lm_head.decoder."),
    ),
    "distilbert": (
        *(
            (f"distilbert.transformer.layer.#.{theirs}.", f"roberta.encoder.layer.#.{ours}.")
            for theirs, ours in (
                ("attention.q_lin", "attention.self.query"),
                ("attention.k_lin", "attention.self.key"),
                ("attention.v_lin", "attention.self.value"),
                ("attention.out_lin", "attention.output.dense"),
                ("sa_layer_norm", "attention.output.LayerNorm"),
                ("ffn.lin1", "intermediate.dense"),
                ("ffn.lin2", "output.dense"),
                ("output_layer_norm", "output.LayerNorm"),
            )
        ),
        ("distilbert.", "roberta."),
        ("vocab_transform.", "lm_head.dense."),
        ("vocab_layer_norm.", "lm_head.layer_norm."),
        ("vocab_projector.bias", "lm_head.bias"),
        ("vocab_projector.", "lm_head.decoder."),
    ),
}
# The heads of other tasks, which pre-training does without.
_OTHER_HEADS = re.compile(r"cls\.seq_relationship\.|(pre_)?classifier\.|qa_outputs\.")


def as_roberta_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config.json of BERT, DistilBERT or ELECTRA as one of RoBERTa that computes the same.

    Args:
        config: what it leaves out has transformers' defaults.

    Raises:
        InputError: if the model has what RoBERTa cannot do.
    """
    kind = config["model_type"]
    if kind == "distilbert":
        # sinusoidal_pos_embds only says how the table of positions began.
        options = {
            name: config.get(own, value) for name, (own, value) in DISTILBERT_OPTIONS.items()
        }
        options["layer_norm_eps"] = DISTILBERT_EPS
        options["tie_word_embeddings"] = config.get("tie_word_embeddings", True)
    else:
        options = {**_BERT, **(_ELECTRA if kind == "electra" else {}), **config}
        if kind == "electra" and options["embedding_size"] != options["hidden_size"]:
            raise InputError(
                f"the model's embeddings are {options['embedding_size']} wide, and its layers "
                f"{options['hidden_size']}: RoBERTa has one width, like ELECTRA's base and large "
                "discriminators"
            )
    options = {name: value for name, value in options.items() if not name.endswith("token_id")}
    options["model_type"] = "roberta"
    positions = options["max_position_embeddings"]
    if isinstance(positions, int):  # anything else is refused where options are read
        options["max_position_embeddings"] = positions + BEFORE_POSITIONS
    return options


def as_roberta_symbols(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """The dictionary of a vocabulary of BERT.

    Args:
        pieces: in BERT's order.

    Returns:
        the symbols, with fairseq's special ones first and ``<mask>`` last, and the row of BERT of
        each. Pieces in brackets, that no text becomes, are made-up words, by their place.

    Raises:
        InputError: if BERT's special pieces are missing, or pieces are those of fairseq.
    """
    missing = set(SPECIAL_PIECES).difference(pieces)
    if missing:
        raise InputError(f"the vocabulary lacks BERT's special tokens {first_of(missing)}")
    row_of = {piece: row for row, piece in enumerate(pieces)}
    if len(row_of) < len(pieces):
        raise InputError("the vocabulary has a token twice")
    symbols, rows = list(SPECIAL), [row_of[piece] for piece in SPECIAL_OF_BERT]
    made_up = 0
    for row, piece in enumerate(pieces):
        if piece in SPECIAL_PIECES:
            continue
        if re.fullmatch(r"\[[^\[\]\s]+\]", piece):
            piece, made_up = f"{MADE_UP}{made_up:04d}", made_up + 1
        elif piece in (*SPECIAL, MASK) or piece.startswith(MADE_UP) or piece.split() != [piece]:
            raise InputError(f"the vocabulary has {piece!r}, which dict.txt cannot hold")
        symbols.append(piece)
        rows.append(row)
    return [*symbols, MASK], [*rows, row_of[MASK_OF_BERT]]


def as_roberta_tensors(
    kind: str, tensors: dict[str, Tensor]
) -> tuple[dict[str, Tensor], list[str]]:
    """The parameters by the names of transformers' RoBERTa, with its rows of positions.

    Args:
        kind: the model_type.
        tensors: by BERT's names.

    Returns:
        the parameters, and the names of those of other heads, which are left out.
    """
    prefix = f"{kind}."
    if not any(name.startswith(prefix) for name in tensors):  # a bare encoder
        tensors = {
            name if _is_head(name) or _OTHER_HEADS.match(name) else prefix + name: tensor
            for name, tensor in tensors.items()
        }
    heads = [name for name in tensors if _OTHER_HEADS.match(name)]
    found = {}
    for name, tensor in tensors.items():
        if name in heads:
            continue
        new = _as_roberta(kind, name)
        if new == POSITION_EMBEDDINGS and tensor.dim() == 2:
            tensor = torch.cat([tensor.new_zeros(BEFORE_POSITIONS, tensor.shape[1]), tensor])
        found[new] = tensor
    return found, heads


def _is_head(name):
    return name.startswith(("cls.", "vocab_", "discriminator_", "generator_"))


def _as_roberta(kind, name):
    name = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
    name = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name)
    return _renamed(name, _NAMES[kind])


def name_in(kind: str, name: str) -> str:
    """The name in BERT or one of its variants of a parameter with RoBERTa's name.

    Args:
        kind: the model_type.
        name: as in transformers' RoBERTa; ``pooler.`` and ``rtd_head.`` for those it lacks.
    """
    return _renamed(name, [(ours, theirs) for theirs, ours in _NAMES[kind]])


def _renamed(name, pairs):
    for old, new in pairs:
        match = re.match(re.escape(old).replace(r"\#", r"(\d+)"), name)
        if match:
            number = match[1] if match.groups() else ""
            return new.replace("#", number) + name[match.end() :]
    return name
