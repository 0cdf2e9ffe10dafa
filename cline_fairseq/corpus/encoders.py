"""Subword tokenizers: lines to symbols as fairseq's --bpe writes them, or to their indices.

For all characters of Unicode 15 these are the symbols of fairseq's own encoders; letters that came
later may be split otherwise, since the libraries differ in what they know as letters.
"""

import json
import os
import re
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..byte_pairs import require_merges
from ..dictionary import SymbolKind, kinds_of
from ..errors import InputError
from .symbols import EOS, UNKNOWN, Symbols

_IRREGULAR = -1  # a piece that is not always the same symbol of the dictionary
_ODD_SPACE = re.compile(r"[^\S ]")


class SentencePiece:
    """SentencePiece's pieces are the symbols."""

    def __init__(self, sentencepiece_model: str):
        import sentencepiece

        try:
            self._model = sentencepiece.SentencePieceProcessor(model_file=sentencepiece_model)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{sentencepiece_model} is no SentencePiece model: {error}") from error
        self.symbols = [self._model.id_to_piece(i) for i in range(self._model.get_piece_size())]
        # As a symbol, in the place of the unknown piece stand the letters that it is for.
        self.unknown = self._model.unk_id()
        self.known = {symbol for i, symbol in enumerate(self.symbols) if i != self.unknown}

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """The piece ids of lines."""
        return self._model.encode(lines, out_type=int, num_threads=1)

    def text(self, line: str) -> str:
        """The symbols of a line, with spaces between."""
        return " ".join(self._model.encode(line, out_type=str))


class GPT2:
    """GPT-2's byte-level BPE; the symbols are its ids as numbers."""

    def __init__(self, gpt2_encoder_json: str, gpt2_vocab_bpe: str):
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes
        try:
            import tokenizers
        except ImportError as error:
            raise InputError(
                "encoding with --bpe gpt2 needs tokenizers: pip install 'cline-fairseq[corpus]'"
            ) from error
        try:
            vocabulary = json.loads(Path(gpt2_encoder_json).read_text(encoding="utf-8"))
            lines = Path(gpt2_vocab_bpe).read_text(encoding="utf-8").split("\n")
            merges = [tuple(line.split()) for line in lines[1:-1]]  # a comment comes first
            require_merges(vocabulary, merges)
            model = tokenizers.models.BPE(vocab=vocabulary, merges=merges)
            size = max(vocabulary.values()) + 1
        except Exception as error:  # the library raises Exception itself
            raise InputError(
                f"{gpt2_encoder_json} and {gpt2_vocab_bpe} are not a GPT-2 BPE: {error}"
            ) from error
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.symbols = [str(i) for i in range(size)]
        self.unknown = None  # it has a symbol for each byte
        self.known = set(map(str, vocabulary.values()))

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """The ids of lines."""
        encoded = self._tokenizer.encode_batch_fast(lines, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def text(self, line: str) -> str:
        """The symbols of a line, with spaces between."""
        return " ".join(map(str, self.pieces([line])[0]))


def build_encoder(config: dict) -> SentencePiece | GPT2:
    """The encoder of a configuration of ``--bpe``, see :mod:`~cline_fairseq.options`."""
    if config["_name"] == "sentencepiece":
        return SentencePiece(config["sentencepiece_model"])
    return GPT2(config["gpt2_encoder_json"], config["gpt2_vocab_bpe"])


class Indexed(NamedTuple):
    """Lines as indices."""

    indices: np.ndarray  # int64 (N,), lines joined, each with </s> at its end
    lengths: np.ndarray  # int64 (lines,)
    missing: np.ndarray  # int64 (lines,), tokens that are pieces which the dictionary lacks


class Indexer:
    """Lines to indices of the dictionary, as fairseq-preprocess numbers their symbols.

    Attributes:
        letters: symbols of the dictionary for letters that the tokenizer does not know.
        lacking: pieces of the tokenizer that the dictionary does not have.

    Raises:
        InputError: if the dictionary was made for another tokenizer.
    """

    def __init__(self, encoder: SentencePiece | GPT2, symbols: Symbols):
        self._encoder, self._symbols = encoder, symbols
        kinds = kinds_of(symbols.symbols, encoder.known, encoder.unknown is not None)
        table = [
            symbols.index(symbol) if symbol.split() == [symbol] else _IRREGULAR
            for symbol in encoder.symbols
        ]
        if encoder.unknown is not None:
            # In its place stand letters, which are a symbol if the dictionary has such symbols.
            is_symbol = not {SymbolKind.LETTERS, SymbolKind.FOREIGN}.isdisjoint(kinds)
            table[encoder.unknown] = _IRREGULAR if is_symbol else UNKNOWN
        self._table = np.array(table, np.int64)
        self._is_missing = self._table == UNKNOWN
        if encoder.unknown is not None:
            self._is_missing[encoder.unknown] = False
        self.lacking = [encoder.symbols[i] for i in np.flatnonzero(self._is_missing)]
        self.letters = [
            symbol
            for symbol, kind in zip(symbols.symbols, kinds, strict=True)
            if kind == SymbolKind.LETTERS
        ]

    def __call__(self, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The indices of lines and their lengths, see :meth:`index`."""
        return self.index(lines)[:2]

    def index(self, lines: list[str]) -> Indexed:
        """The indices of lines; a blank line is ``</s>`` alone."""
        pieces = iter(self._encoder.pieces([line for line in lines if line]))
        pieces = [next(pieces) if line else [] for line in lines]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        ids = np.fromiter(chain.from_iterable(pieces), np.int64, lengths.sum())
        flat, missing = self._table[ids], np.zeros(len(lines), np.int64)
        if self._is_missing.any():
            lines_of_ids = np.repeat(np.arange(len(lines)), lengths)
            missing = np.bincount(lines_of_ids[self._is_missing[ids]], minlength=len(lines))
        irregular = self._irregular(lines, flat, lengths)
        if irregular:
            return Indexed(*self._joined(lines, flat, lengths, irregular), missing)
        out = np.full(len(flat) + len(lines), EOS)
        ends = np.cumsum(lengths + 1) - 1
        inner = np.ones(len(out), bool)
        inner[ends] = False
        out[inner] = flat
        return Indexed(out, lengths + 1, missing)

    def rows(self, lines: list[str]) -> list[np.ndarray]:
        """The indices of each line, without ``</s>``."""
        indices, lengths = self(lines)
        return [row[:-1] for row in np.split(indices, np.cumsum(lengths)[:-1])]

    def _irregular(self, lines, flat, lengths):
        """Lines whose pieces are not the symbols that fairseq would read in their text."""
        places = np.flatnonzero(flat == _IRREGULAR)
        found = set(np.searchsorted(np.cumsum(lengths), places, side="right").tolist())
        if self._encoder.unknown is not None:
            # fairseq splits symbols at spaces of all kinds, which an unknown piece may hold.
            found |= {i for i, line in enumerate(lines) if _ODD_SPACE.search(line)}
        return sorted(found)

    def _joined(self, lines, flat, lengths, irregular):
        """The same where some lines must be looked up as text."""
        parts = np.split(flat, np.cumsum(lengths)[:-1])
        for i in irregular:
            symbols = self._encoder.text(lines[i]).split()
            parts[i] = np.array([self._symbols.index(symbol) for symbol in symbols], np.int64)
        lengths = np.array([len(part) + 1 for part in parts])
        return np.concatenate([x for part in parts for x in (part, [EOS])]), lengths
