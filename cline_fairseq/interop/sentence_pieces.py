"""SentencePiece's unigram models: as fairseq reads them, and as a fast tokenizer.

See https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
"""

from collections.abc import Sequence
from pathlib import Path

import tokenizers
from sentencepiece import sentencepiece_model_pb2 as protocol
from tokenizers import decoders, normalizers, pre_tokenizers

from ..corpus.symbols import SPECIAL, UNKNOWN
from ..errors import InputError
from ..options import MASK, SPACE
from .names import first_of

_Piece = protocol.ModelProto.SentencePiece


def to_hf(model_file: Path, symbols: Sequence[str]) -> tokenizers.Tokenizer:
    """The fast tokenizer, without special tokens.

    Args:
        model_file: of SentencePiece.
        symbols: of the whole dictionary, with ``<mask>``.

    Raises:
        InputError: if a fast tokenizer cannot do what the model does, or if the dictionary lacks
            some of its pieces.
    """
    model = read_model(model_file)
    scores = {piece.piece: piece.score for piece in _normal(model)}
    missing = scores.keys() - set(symbols)
    if missing:
        raise InputError(
            f"the dictionary lacks {len(missing):,} pieces of {model_file} ({first_of(missing)}), "
            "which Hugging Face's tokenizers cannot read as <unk>: it cannot be exported"
        )
    lowest = min(scores.values())
    # What is no piece is never found: it must not be a better choice than letters one by one.
    vocabulary = [(symbol, scores.get(symbol, _never(symbol, lowest))) for symbol in symbols]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=UNKNOWN))
    tokenizer.normalizer = _normalizer(model.normalizer_spec)
    scheme = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    return tokenizer


def pieces(model_file: Path) -> list[str]:
    """The pieces of a model that stand in a dictionary, in their order.

    Raises:
        InputError: as :func:`read_model`.
    """
    return [piece.piece for piece in _normal(read_model(model_file))]


def read_model(model_file: Path) -> protocol.ModelProto:
    """A model of SentencePiece.

    Raises:
        InputError: if it is none, or not of the unigram kind that both sides know.
    """
    model = protocol.ModelProto()
    try:
        model.ParseFromString(model_file.read_bytes())
    except Exception as error:  # protobuf's own
        raise InputError(f"{model_file} is no SentencePiece model: {error}") from error
    if not model.pieces:
        raise InputError(f"{model_file} is no SentencePiece model: it has no pieces")
    if model.trainer_spec.model_type != protocol.TrainerSpec.UNIGRAM:
        raise InputError(
            f"{model_file} is a SentencePiece model of the kind "
            f"{protocol.TrainerSpec.ModelType.Name(model.trainer_spec.model_type).lower()}, and "
            "must be of the kind unigram to be converted"
        )
    odd = [p.piece for p in model.pieces if p.type in (_Piece.USER_DEFINED, _Piece.BYTE)]
    if odd:
        raise InputError(
            f"{model_file} has pieces that are defined by its user or stand for bytes "
            f"({first_of(odd)}), which a fast tokenizer reads in another way"
        )
    if (
        model.trainer_spec.treat_whitespace_as_suffix
        or not model.trainer_spec.split_by_whitespace
        or not model.normalizer_spec.remove_extra_whitespaces
    ):
        raise InputError(
            f"{model_file} was trained with other settings of spaces than SentencePiece's own "
            "(treat_whitespace_as_suffix, split_by_whitespace, remove_extra_whitespaces), which a "
            "fast tokenizer cannot follow"
        )
    return model


def _normal(model):
    return [piece for piece in model.pieces if piece.type == _Piece.NORMAL]


def _never(symbol, lowest):
    return 0.0 if symbol in (*SPECIAL, MASK) else lowest - 100 * len(symbol)


def _normalizer(spec):
    """What SentencePiece does to a text before it looks for pieces."""
    steps = []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    # Spaces alone: other white space is left to the character map.
    for pattern, replacement in (("^ +| +$", ""), (" {2,}", " ")):
        steps.append(normalizers.Replace(tokenizers.Regex(pattern), replacement))
    return normalizers.Sequence(steps)
