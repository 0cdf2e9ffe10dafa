"""The class of transformers that a model becomes: the one that it came from, if that can be."""

from pathlib import Path
from typing import NamedTuple

from ..checkpoint import LoadedModel
from ..errors import InputError
from ..models.config import HF_MODEL_TYPES, LAYER_NORM_EPS
from ..word_pieces import read_vocabulary
from . import bert, camembert, sentence_pieces
from .parameter_names import NAMES

AUTO = HF_MODEL_TYPES[0]


class Family(NamedTuple):
    """What a model becomes.

    Attributes:
        kind: the model_type.
        tokens: the vocabulary of BERT or CamemBERT by row; empty for that of the dictionary.
        order: the index in the dictionary of each of these tokens.
        note: why it is not what the model came from, as a sentence; "" if it is.
    """

    kind: str
    tokens: list[str] = []  # noqa: RUF012  of a tuple, which is never changed
    order: list[int] = []  # noqa: RUF012
    note: str = ""

    @property
    def name(self) -> str:
        """The usual name."""
        return NAMES[self.kind]

    @property
    def is_bert(self) -> bool:
        """Whether it is BERT or one of its variants."""
        return self.kind in bert.MODEL_TYPES

    @property
    def prefix(self) -> str:
        """The name of the encoder in the classes of transformers."""
        return self.kind if self.is_bert else "roberta"


def family_of(loaded: LoadedModel) -> Family:
    """Choose what a model becomes.

    Args:
        loaded: the model, which records what it came from (``--hf-model-type``). If that has heads
            that differ from the model's, it becomes a BERT; if its dictionary is another, it
            becomes a RoBERTa.
    """
    kind = getattr(loaded.model.args, "hf_model_type", AUTO)
    if kind in ("roberta", "xlm-roberta"):
        return Family(kind)
    tokens, order = (_of_camembert if kind == "camembert" else _of_bert)(loaded)
    if not order:
        if kind == AUTO:
            return Family("roberta")
        reason = f"the dictionary is not that of a whole vocabulary of {NAMES[kind]}"
        return Family("roberta", note=_note("roberta", kind, reason))
    if kind == AUTO:
        return Family("bert", tokens, order)
    if reason := _difference(loaded, kind):
        return Family("bert", tokens, order, _note("bert", kind, reason))
    return Family(kind, tokens, order)


def _note(kind, wanted, reason):
    return f"exported as {NAMES[kind]} and not as {NAMES[wanted]}, since {reason}"


def _difference(loaded: LoadedModel, kind: str) -> str:
    """How a model differs from all of a family with the same vocabulary; "" if it does not."""
    eps = getattr(loaded.model.args, "layer_norm_eps", LAYER_NORM_EPS)
    if kind == "distilbert" and eps != bert.DISTILBERT_EPS:
        return f"its layer norms have epsilon {bert.DISTILBERT_EPS:g}, and the model's {eps:g}"
    if kind in bert.ACTIVATIONS and loaded.is_classifier:
        return f"the heads of its classifiers use {bert.ACTIVATIONS[kind]}, and the model's tanh"
    return ""


def _of_bert(loaded):
    config = loaded.tokenizer.config
    if config["_name"] != "bert":
        return [], []
    try:
        tokens = read_vocabulary(config["bpe_vocab_file"])
        symbols, rows = bert.as_roberta_symbols(tokens)
    except InputError:  # it lacks special pieces, so that no BERT could use it
        return [], []
    return _if_of(loaded, symbols, tokens, rows)


def _of_camembert(loaded):
    config = loaded.tokenizer.config
    if config["_name"] != "sentencepiece":
        return [], []
    try:
        pieces = sentence_pieces.pieces_in_order(Path(config["sentencepiece_model"]))
    except InputError:  # it numbers its pieces differently
        return [], []
    symbols, rows = camembert.symbols_of(pieces)
    return _if_of(loaded, symbols, camembert.tokens_of(pieces), rows)


def _if_of(loaded, symbols, tokens, rows):
    """Tokens and order, if the dictionary has exactly these symbols."""
    if symbols != list(loaded.model.encoder.dictionary.symbols):
        return [], []
    return tokens, sorted(range(len(rows)), key=rows.__getitem__)
