"""Convert SentencePiece's unigram models to fast tokenizers.

See https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import decoders, normalizers, pre_tokenizers

from ..dictionary import MASK, SPECIAL, UNKNOWN, SymbolKind, kinds_of
from ..errors import InputError
from ..tokenizer import SPACE
from .parameter_names import first_of

protocol: Any = sentencepiece_model_pb2  # it builds its classes when it is imported
_Piece = protocol.ModelProto.SentencePiece
_FIRST_PIECES = ("<unk>", "<s>", "</s>")
_STAND_IN = "\uffff"  # a noncharacter that replaces unknown letters without a symbol


def to_hf(
    model_file: Path, symbols: Sequence[str], unused: Sequence[str] = ()
) -> tokenizers.Tokenizer:
    """Build the fast tokenizer, without special tokens.

    It splits text like SentencePiece, except for pieces that the dictionary lacks: these become
    ``<unk>`` in fairseq, but a fast tokenizer splits them into smaller pieces.

    Args:
        model_file: the SentencePiece model.
        symbols: all symbols of the dictionary, including ``<mask>``, by their rows.
        unused: symbols among them that no text becomes.

    Raises:
        InputError: if a fast tokenizer cannot represent the model, or if the dictionary was made
            for another model.
    """
    model = read_model(model_file)
    scores = {piece.piece: piece.score for piece in _normal(model)}
    reserved = dict.fromkeys(unused, SymbolKind.SPECIAL)
    kinds = kinds_of(symbols, scores, writes_unknown=True, reserved=reserved)
    letters = [s for s, kind in zip(symbols, kinds, strict=True) if kind == SymbolKind.LETTERS]
    # Runs of letters are looked up as a whole, see _normalizer, so one symbol must beat two.
    scores |= dict.fromkeys(letters, -1.0)
    lowest = min(scores.values())
    # Symbols that are not pieces must never be chosen, not even over single letters.
    vocabulary = [(symbol, scores.get(symbol, _never(symbol, lowest))) for symbol in symbols]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(vocabulary, unk_id=UNKNOWN))
    tokenizer.normalizer = _normalizer(model, letters)
    scheme = "always" if model.normalizer_spec.add_dummy_prefix else "never"
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme=scheme)
    return tokenizer


def pieces(model_file: Path) -> list[str]:
    """The pieces of a model that belong in a dictionary, in their order.

    Raises:
        InputError: see :func:`read_model`.
    """
    return [piece.piece for piece in _normal(read_model(model_file))]


def pieces_in_order(model_file: Path) -> list[str]:
    """The pieces of a model whose ids are those of Hugging Face, apart from an offset.

    Raises:
        InputError: if other symbols than ``<unk>``, ``<s>`` and ``</s>`` in this order have ids of
            their own; and see :func:`read_model`.
    """
    model = read_model(model_file)
    found = [piece.piece for piece in _normal(model)]
    if [piece.piece for piece in model.pieces] != [*_FIRST_PIECES, *found]:
        raise InputError(
            f"{model_file} does not number its pieces after {', '.join(_FIRST_PIECES)}, as "
            "Hugging Face's tokenizers need it: add the tokenizer.json of the model"
        )
    return found


def read_model(model_file: Path) -> Any:
    """Read a SentencePiece model.

    Raises:
        InputError: if it is not a SentencePiece model, or not a unigram model with the usual
            settings.
    """
    model = protocol.ModelProto()
    try:
        model.ParseFromString(model_file.read_bytes())
    except Exception as error:  # protobuf's own
        raise InputError(f"{model_file} is not a SentencePiece model: {error}") from error
    if not model.pieces:
        raise InputError(f"{model_file} is not a SentencePiece model: it has no pieces")
    if model.trainer_spec.model_type != protocol.TrainerSpec.UNIGRAM:
        raise InputError(
            f"{model_file} is a SentencePiece model of type "
            f"{protocol.TrainerSpec.ModelType.Name(model.trainer_spec.model_type).lower()}, and "
            "must be of type unigram to be converted"
        )
    odd = [p.piece for p in model.pieces if p.type in (_Piece.USER_DEFINED, _Piece.BYTE)]
    if odd:
        raise InputError(
            f"{model_file} has pieces that are user-defined or stand for bytes "
            f"({first_of(odd)}), which a fast tokenizer handles differently"
        )
    if (
        model.trainer_spec.treat_whitespace_as_suffix
        or not model.trainer_spec.split_by_whitespace
        or not model.normalizer_spec.remove_extra_whitespaces
    ):
        raise InputError(
            f"{model_file} was trained with other white space settings than SentencePiece's "
            "defaults (treat_whitespace_as_suffix, split_by_whitespace, remove_extra_whitespaces), "
            "which a fast tokenizer does not support"
        )
    return model


def _normal(model):
    return [piece for piece in model.pieces if piece.type == _Piece.NORMAL]


def _never(symbol, lowest):
    return 0.0 if symbol in (*SPECIAL, MASK) else lowest - 100 * len(symbol)


def _normalizer(model, letters):
    """Build the normalization that SentencePiece applies before splitting a text.

    Args:
        model: the SentencePiece model.
        letters: symbols of the dictionary for letters that the model does not know.
    """
    spec, steps = model.normalizer_spec, []
    if spec.precompiled_charsmap:
        steps.append(normalizers.Precompiled(spec.precompiled_charsmap))
    # Only spaces, because the character map handles other white space.
    for pattern, replacement in (("^ +| +$", ""), (" {2,}", " ")):
        steps.append(normalizers.Replace(tokenizers.Regex(pattern), replacement))
    if letters:
        steps.append(normalizers.Replace(tokenizers.Regex(_no_symbol(model, letters)), _STAND_IN))
    return normalizers.Sequence(steps)


def _no_symbol(model, letters):
    """A pattern for runs of unknown letters that become ``<unk>`` because they are not a symbol.

    fairseq looks up such a run as a whole, but a fast tokenizer would find symbols within it.
    """
    known = {letter for piece in _normal(model) for letter in piece.piece} | {" "}
    unknown = f"[^{_escaped(sorted(known))}]"
    alternatives = "|".join(map(_escaped, letters))
    # The first group only makes the search faster, by skipping known letters.
    return f"(?={unknown})(?<!{unknown})(?!(?:{alternatives})(?!{unknown})){unknown}+"


def _escaped(letters):
    return "".join(f"\\x{{{ord(letter):x}}}" for letter in letters)
