"""A model with BERT's vocabulary as BERT or one of its variants: the way back of :mod:`.bert`."""

from typing import Any

import tokenizers
import torch
from tokenizers.processors import TemplateProcessing
from torch import Tensor

from ..checkpoint import LoadedModel
from ..models.pooler import POOLER
from . import word_pieces
from .bert import BEFORE_POSITIONS, DISTILBERT_OPTIONS, MASK_OF_BERT, SPECIAL_OF_BERT, name_in
from .families import Family
from .hf_library import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertTokenizerFast,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertTokenizerFast,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    ElectraTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from .parameter_names import DECODER_WEIGHT, LM_HEAD_BIAS, POSITION_EMBEDDINGS, in_order
from .tokenizer_check import PROBES, probes_of, require_same

_TYPES = 2  # as BERT has; both are zeros
_CLS, _PAD, _SEP, _UNK = SPECIAL_OF_BERT
_CONFIGS = {"bert": BertConfig, "distilbert": DistilBertConfig, "electra": ElectraConfig}
_TOKENIZERS = {
    "bert": BertTokenizerFast,
    "distilbert": DistilBertTokenizerFast,
    "electra": ElectraTokenizerFast,
}
_MASKED_LM = {
    "bert": BertForMaskedLM,
    "distilbert": DistilBertForMaskedLM,
    "electra": ElectraForMaskedLM,
}


def to_bert_config(options: dict[str, Any], family: Family) -> Any:
    """The configuration of a model.

    Args:
        options: of transformers' RobertaConfig.
        family: BERT or one of its variants.
    """
    options = {name: value for name, value in options.items() if not name.endswith("_token_id")}
    options["max_position_embeddings"] -= BEFORE_POSITIONS
    options["pad_token_id"] = family.tokens.index(_PAD)
    if family.kind == "distilbert":
        for name in ("layer_norm_eps", "type_vocab_size", "classifier_dropout"):
            del options[name]
        options = {DISTILBERT_OPTIONS.get(name, (name,))[0]: v for name, v in options.items()}
    else:
        options["type_vocab_size"] = _TYPES
    if family.kind == "electra":
        options["embedding_size"] = options["hidden_size"]
    return _CONFIGS[family.kind](**options)


def to_bert_model(
    loaded: LoadedModel, options: dict[str, Any], state: dict[str, Tensor], family: Family
) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    """The same model as BERT or one of its variants, in eval mode.

    Args:
        loaded: the model.
        options: of transformers' RobertaConfig.
        state: the parameters by the names of transformers' RoBERTa, in the dictionary's order.
        family: BERT or one of its variants.

    Returns:
        a model for masked LM or classification, or the discriminator of an ELECTRA; and parameters
        that belong to its file, and to other classes: the pooler of a BERT, and the LM head of an
        ELECTRA that is written as a discriminator.
    """
    config, kind = to_bert_config(options, family), family.kind
    state = in_order(state, family.order)
    state[POSITION_EMBEDDINGS] = state[POSITION_EMBEDDINGS][BEFORE_POSITIONS:]
    more = {f"{POOLER}{name}": tensor for name, tensor in loaded.pooler.items()}
    model: PreTrainedModel
    if loaded.is_classifier:
        # The first layer of fairseq's head is BERT's pooler.
        parts = {"classifier.dense.": POOLER + "dense.", "classifier.out_proj.": "classifier."}
        for old, new in parts.items():
            state |= {new + part: state.pop(old + part) for part in ("weight", "bias")}
        model = BertForSequenceClassification(config)
    elif kind == "electra" and getattr(loaded.model.args, "rtd_head_plain", False):
        head = _plain_head(loaded)
        more |= {name: state.pop(name) for name in list(state) if name.startswith("lm_head.")}
        if config.tie_word_embeddings:
            del more[DECODER_WEIGHT]
        state |= head
        model = ElectraForPreTraining(config)
    else:
        model = _MASKED_LM[kind](config)
    state = {name_in(kind, name): tensor for name, tensor in state.items()}
    if kind != "distilbert":
        types = torch.zeros(_TYPES, config.hidden_size)
        state[f"{kind}.embeddings.token_type_embeddings.weight"] = types
    if isinstance(model, BertForMaskedLM):
        state["cls.predictions.decoder.bias"] = state[name_in(kind, LM_HEAD_BIAS)]
    model.load_state_dict(state)
    return model.eval(), {name_in(kind, name): tensor for name, tensor in more.items()}


def _plain_head(loaded):
    head = loaded.model.encoder.rtd_head.state_dict()
    return {f"rtd_head.{name}": tensor for name, tensor in head.items()}


def to_bert_tokenizer(loaded: LoadedModel, family: Family) -> PreTrainedTokenizerFast:
    """The tokenizer with BERT's special tokens and rows.

    Texts become ``[CLS] a [SEP]``; pairs ``[CLS] a [SEP] [SEP] b [SEP]``, as fairseq's models read
    them, with token type 0 alone.

    Args:
        loaded: the model.
        family: BERT or one of its variants.

    Raises:
        InputError: if there can be none that gives the same tokens.
    """
    vocabulary = {piece: row for row, piece in enumerate(family.tokens)}
    cased = bool(loaded.tokenizer.config["bpe_cased"])
    tokenizer = word_pieces.fast_word_piece(vocabulary, _UNK, cased)
    require_same(
        lambda lines: [[family.order[i] for i in tokenizer.encode(line).ids] for line in lines],
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
    return _TOKENIZERS[family.kind](
        tokenizer_object=tokenizer,
        do_lower_case=not cased,
        model_max_length=loaded.model.max_positions(),
        clean_up_tokenization_spaces=False,
    )
