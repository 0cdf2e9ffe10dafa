"""Subword tokenizers: lines to symbols as fairseq's --bpe writes them, or to their indices.

For all characters of Unicode 15 these are the symbols of fairseq's own encoders; letters that came
later may be split otherwise, since the libraries differ in what they know as letters.
"""

import json
import os
from itertools import chain
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..options import require_fit
from .symbols import EOS, Symbols

_IRREGULAR = -1  # a piece that is no single symbol of the dictionary


class SentencePiece:
    """SentencePiece's pieces are the symbols."""

    def __init__(self, sentencepiece_model: str):
        import sentencepiece

        try:
            self._model = sentencepiece.SentencePieceProcessor(model_file=sentencepiece_model)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{sentencepiece_model} is no SentencePiece model: {error}") from error
        self.symbols = [self._model.id_to_piece(i) for i in range(self._model.get_piece_size())]
        # In the place of the unknown piece stand the letters that it is for.
        self.irregular = {
            i
            for i, piece in enumerate(self.symbols)
            if self._model.is_unknown(i) or piece.split() != [piece]
        }

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
            model = tokenizers.models.BPE(vocab=vocabulary, merges=merges)
            size = max(vocabulary.values()) + 1
        except Exception as error:  # the library raises Exception itself
            raise InputError(
                f"{gpt2_encoder_json} and {gpt2_vocab_bpe} are no BPE of GPT-2: {error}"
            ) from error
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.symbols = [str(i) for i in range(size)]
        self.irregular: set[int] = set()

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


class Indexer:
    """Lines to indices of the dictionary, as fairseq-preprocess numbers their symbols.

    Raises:
        InputError: if the dictionary was made for another tokenizer.
    """

    def __init__(self, encoder: SentencePiece | GPT2, symbols: Symbols):
        self._encoder, self._symbols = encoder, symbols
        known = set(encoder.symbols)
        require_fit(
            sum(s not in known and not _is_filler(s) for s in symbols.symbols[4:]), len(symbols)
        )
        index = [symbols.index(symbol) for symbol in encoder.symbols]
        self._table = np.array(index, np.int64)
        self._table[list(encoder.irregular)] = _IRREGULAR

    def __call__(self, lines: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """The indices of lines, joined, each with ``</s>`` at its end, and their lengths.

        A blank line is ``</s>`` alone.
        """
        pieces = iter(self._encoder.pieces([line for line in lines if line]))
        pieces = [next(pieces) if line else [] for line in lines]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        flat = self._table[np.fromiter(chain.from_iterable(pieces), np.int64, lengths.sum())]
        irregular = np.flatnonzero(flat == _IRREGULAR)
        if len(irregular):
            return self._joined(lines, flat, lengths, irregular)
        out = np.full(len(flat) + len(lines), EOS)
        ends = np.cumsum(lengths + 1) - 1
        inner = np.ones(len(out), bool)
        inner[ends] = False
        out[inner] = flat
        return out, lengths + 1

    def _joined(self, lines, flat, lengths, irregular):
        """The same where some lines have pieces that must be looked up as text."""
        ends = np.cumsum(lengths)
        parts = np.split(flat, ends[:-1])
        for i in np.unique(np.searchsorted(ends, irregular, side="right")).tolist():
            symbols = self._encoder.text(lines[i]).split()
            parts[i] = np.array([self._symbols.index(symbol) for symbol in symbols], np.int64)
        lengths = np.array([len(part) + 1 for part in parts])
        return np.concatenate([x for part in parts for x in (part, [EOS])]), lengths


def _is_filler(symbol):
    """Symbols that fairseq adds itself, to fill the dictionary up and to mask."""
    return symbol.startswith("madeupword") or symbol == "<mask>"
