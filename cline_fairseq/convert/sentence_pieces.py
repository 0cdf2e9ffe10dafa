"""SentencePiece's unigram models: as fairseq reads them, and as a fast tokenizer.

See https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
"""

from collections.abc import Sequence
from pathlib import Path

import tokenizers
from sentencepiece import sentencepiece_model_pb2 as protocol
from tokenizers import decoders, normalizers, pre_tokenizers

from ..dictionary import MASK, SPECIAL, UNKNOWN, SymbolKind, kinds_of
from ..errors import InputError
from ..tokenizer import SPACE
from .parameter_names import first_of

_Piece = protocol.ModelProto.SentencePiece
_STAND_IN = "\uffff"  # a noncharacter, which stands for unknown letters that are no symbol


def to_hf(model_file: Path, symbols: Sequence[str]) -> tokenizers.Tokenizer:
    """The fast tokenizer, without special tokens.

    It reads as SentencePiece does, but for the pieces that the dictionary lacks: those are
    ``<unk>`` to fairseq, and a fast tokenizer splits them into pieces that are there.

    Args:
        model_file: of SentencePiece.
        symbols: of the whole dictionary, with ``<mask>``.

    Raises:
        InputError: if a fast tokenizer cannot do what the model does, or if the dictionary was
            made for another one.
    """
    model = read_model(model_file)
    scores = {piece.piece: piece.score for piece in _normal(model)}
    kinds = kinds_of(symbols, scores, writes_unknown=True)
    letters = [s for s, kind in zip(symbols, kinds, strict=True) if kind == SymbolKind.LETTERS]
    # Letters are looked up as a whole, see _normalizer: one symbol is better than two.
    scores |= dict.fromkeys(letters, -1.0)
    lowest = min(scores.values())
    # What is no piece is never found: it must not be a better choice than letters one by one.
    vocabulary = [(symbol, scores.get(symbol, _never(symbol, lowest))) for symbol in symbols]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=UNKNOWN))
    tokenizer.normalizer = _normalizer(model, letters)
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


def _normalizer(model, letters):
    """What SentencePiece does to a text before it looks for pieces.

    Args:
        model: of SentencePiece.
        letters: symbols of the dictionary that are letters which the model does not know.
    """
    spec, steps = model.normalizer_spec, []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    # Spaces alone: other white space is left to the character map.
    for pattern, replacement in (("^ +| +$", ""), (" {2,}", " ")):
        steps.append(normalizers.Replace(tokenizers.Regex(pattern), replacement))
    if letters:
        steps.append(normalizers.Replace(tokenizers.Regex(_no_symbol(model, letters)), _STAND_IN))
    return normalizers.Sequence(steps)


def _no_symbol(model, letters):
    """A pattern of unknown letters that are ``<unk>``: all of a run, unless it is a symbol.

    fairseq looks up such a run as a whole. A fast tokenizer would find symbols within it.
    """
    known = {letter for piece in _normal(model) for letter in piece.piece} | {" "}
    unknown = f"[^{_escaped(sorted(known))}]"
    alternatives = "|".join(map(_escaped, letters))
    # The first group changes nothing; it lets the search skip all that is known.
    return f"(?={unknown})(?<!{unknown})(?!(?:{alternatives})(?!{unknown})){unknown}+"


def _escaped(letters):
    return "".join(f"\\x{{{ord(letter):x}}}" for letter in letters)
