"""WordPiece of BERT as the tokenizer that Hugging Face's transformers load."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import decoders, normalizers, pre_tokenizers

from ..dictionary import UNKNOWN
from ..errors import InputError
from ..word_pieces import CONTINUES, LONGEST_WORD, UNKNOWN_PIECE, WordPiece
from .parameter_names import first_of


def to_hf(config: Mapping[str, Any], symbols: Sequence[str]) -> tokenizers.Tokenizer:
    """The fast tokenizer, without special tokens.

    Args:
        config: fairseq's configuration of ``--bpe bert``.
        symbols: of the whole dictionary, with ``<mask>``.

    Raises:
        InputError: if the dictionary lacks pieces: it would write them with smaller ones.
    """
    model = WordPiece(config["bpe_vocab_file"], bool(config.get("bpe_cased")))
    missing = model.known.difference(symbols)
    if missing:
        raise InputError(
            f"the dictionary lacks {len(missing):,} pieces of {Path(config['bpe_vocab_file']).name}"
            f" ({first_of(missing)}), which Hugging Face's tokenizers cannot read as <unk>: it "
            "cannot be exported"
        )
    vocabulary = {symbol: i for i, symbol in enumerate(symbols)}
    unknown = UNKNOWN_PIECE if UNKNOWN_PIECE in vocabulary else symbols[UNKNOWN]
    return fast_word_piece(vocabulary, unknown, model.cased)


def fast_word_piece(vocabulary: dict[str, int], unknown: str, cased: bool) -> tokenizers.Tokenizer:
    """BERT's fast tokenizer, without special tokens.

    Args:
        vocabulary: rows by piece.
        unknown: the piece of what cannot be written.
        cased: whether text keeps capitals and accents.
    """
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            vocab=vocabulary,
            unk_token=unknown,
            continuing_subword_prefix=CONTINUES,
            max_input_chars_per_word=LONGEST_WORD,
        )
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=not cased)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix=CONTINUES)
    return tokenizer
