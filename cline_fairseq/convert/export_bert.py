"""A model with BERT's vocabulary as one of transformers' BERT: the way back of :mod:`.bert`."""

import re
from collections.abc import Sequence
from typing import Any

import tokenizers
import torch
from tokenizers.processors import TemplateProcessing
from torch import Tensor

from ..checkpoint import LoadedModel
from ..errors import InputError
from ..word_pieces import read_vocabulary
from . import word_pieces
from .bert import BEFORE_POSITIONS, MASK_OF_BERT, SPECIAL_OF_BERT, as_roberta_symbols
from .hf_library import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertTokenizerFast,
    PreTrainedModel,
)
from .parameter_names import POSITION_EMBEDDINGS, encoder_names, lm_head_names
from .tokenizer_check import PROBES, probes_of, require_same

_TYPES = 2  # as BERT has; both are zeros
_TYPE_EMBEDDINGS = "bert.embeddings.token_type_embeddings.weight"
_CLS, _PAD, _SEP, _UNK = SPECIAL_OF_BERT
_LM_HEAD = {
    r"lm_head\.dense\.": "cls.predictions.transform.dense.",
    r"lm_head\.layer_norm\.": "cls.predictions.transform.LayerNorm.",
    r"lm_head\.": "cls.predictions.",
    r"roberta\.": "bert.",
}


def rows_of_bert(loaded: LoadedModel) -> list[int] | None:
    """The index of each row of BERT's vocabulary in the dictionary of a model.

    Args:
        loaded: the model.

    Returns:
        None if it has another tokenizer, or another dictionary than an import makes.
    """
    config = loaded.tokenizer.config
    if config["_name"] != "bert":
        return None
    try:
        symbols, rows = as_roberta_symbols(read_vocabulary(config["bpe_vocab_file"]))
    except InputError:  # it lacks special pieces, so that no BERT could use it
        return None
    if symbols != list(loaded.model.encoder.dictionary.symbols):
        return None
    return sorted(range(len(rows)), key=rows.__getitem__)


def to_bert_config(options: dict[str, Any], pieces: Sequence[str]) -> dict[str, Any]:
    """The options of transformers' BertConfig.

    Args:
        options: of its RobertaConfig.
        pieces: of the vocabulary, in BERT's order.
    """
    options = {name: value for name, value in options.items() if not name.endswith("_token_id")}
    return {
        **options,
        "max_position_embeddings": options["max_position_embeddings"] - BEFORE_POSITIONS,
        "type_vocab_size": _TYPES,
        "pad_token_id": pieces.index(_PAD),
    }


def to_bert_model(
    loaded: LoadedModel, options: dict[str, Any], order: Sequence[int]
) -> PreTrainedModel:
    """The same model as a BertForMaskedLM or BertForSequenceClassification, in eval mode.

    Args:
        loaded: the model.
        options: of transformers' RobertaConfig.
        order: of :func:`rows_of_bert`.
    """
    pieces = read_vocabulary(loaded.tokenizer.config["bpe_vocab_file"])
    config = BertConfig(**to_bert_config(options, pieces))
    weights, names = loaded.model.state_dict(), encoder_names(loaded.model.args.encoder_layers)
    if loaded.is_classifier:
        head = f"classification_heads.{loaded.task.cfg.classification_head_name}"
        for kind in ("weight", "bias"):  # BERT's pooler is the first layer of fairseq's head
            names[f"{head}.dense.{kind}"] = f"bert.pooler.dense.{kind}"
            names[f"{head}.out_proj.{kind}"] = f"classifier.{kind}"
        model: PreTrainedModel = BertForSequenceClassification(config)
    else:
        names |= lm_head_names()
        model = BertForMaskedLM(config)
    state = {
        _renamed(theirs): _in_order(theirs, weights[ours], order) for ours, theirs in names.items()
    }
    state[_TYPE_EMBEDDINGS] = torch.zeros(_TYPES, config.hidden_size)
    if not loaded.is_classifier:
        state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"]
    model.load_state_dict(state)
    return model.eval()


def to_bert_tokenizer(loaded: LoadedModel, order: Sequence[int]) -> BertTokenizerFast:
    """The tokenizer with BERT's special tokens and rows.

    Texts become ``[CLS] a [SEP]``; pairs ``[CLS] a [SEP] [SEP] b [SEP]``, as fairseq's models read
    them, with token type 0 alone.

    Args:
        loaded: the model.
        order: of :func:`rows_of_bert`.

    Raises:
        InputError: if there can be none that gives the same tokens.
    """
    config = loaded.tokenizer.config
    pieces = read_vocabulary(config["bpe_vocab_file"])
    vocabulary = {piece: row for row, piece in enumerate(pieces)}
    cased = bool(config["bpe_cased"])
    tokenizer = word_pieces.fast_word_piece(vocabulary, _UNK, cased)
    require_same(
        lambda lines: [[order[i] for i in tokenizer.encode(line).ids] for line in lines],
        loaded.tokenizer.rows,
        probes_of(loaded.tokenizer, PROBES),
        "no fast tokenizer reads texts as the model's does: it cannot be exported",
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{_CLS} $A {_SEP}",
        pair=f"{_CLS} $A {_SEP} {_SEP} $B {_SEP}",
        special_tokens=[(piece, vocabulary[piece]) for piece in (_CLS, _SEP)],
    )
    special = [tokenizers.AddedToken(piece) for piece in (*SPECIAL_OF_BERT, MASK_OF_BERT)]
    tokenizer.add_special_tokens(special)
    return BertTokenizerFast(
        tokenizer_object=tokenizer,
        do_lower_case=not cased,
        model_max_length=loaded.model.max_positions(),
        clean_up_tokenization_spaces=False,
    )


def _in_order(name: str, tensor: Tensor, order: Sequence[int]) -> Tensor:
    if name == POSITION_EMBEDDINGS:
        return tensor[BEFORE_POSITIONS:]
    by_row = name.endswith("word_embeddings.weight") or name in (
        "lm_head.decoder.weight",
        "lm_head.bias",
    )
    return tensor[list(order)] if by_row else tensor


def _renamed(name: str) -> str:
    for pattern, new in _LM_HEAD.items():
        found, count = re.subn(f"^{pattern}", new, name)
        if count:
            return found
    return name
