"""Subword tokenizers: from text to dictionary indices, as with fairseq's ``--bpe``.

For all characters of Unicode 15, the pieces equal those of fairseq's own encoders. Newer letters
may be split differently, since the libraries disagree on what a letter is.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple, Protocol

import numpy as np

from .byte_pairs import BYTE_OF_LETTER, read_byte_pairs
from .dictionary import EOS, UNKNOWN, SymbolKind, kinds_of
from .errors import InputError
from .word_pieces import WordPiece, has_capitals, read_vocabulary

SPACE = "\u2581"  # how SentencePiece writes a space
# The files of each tokenizer, as fairseq's option names.
FILES = {
    "sentencepiece": ("sentencepiece_model",),
    "gpt2": ("gpt2_encoder_json", "gpt2_vocab_bpe"),
    "bert": ("bpe_vocab_file",),
}
SUPPORTED = tuple(FILES)
_IRREGULAR = -1  # index of a piece that does not always become the same symbol
_ODD_SPACE = re.compile(r"[^\S ]")


@dataclass(frozen=True)
class TokenizerFiles:
    """The name of a tokenizer and the paths of its files, as in fairseq's options.

    None means not given.

    Attributes:
        bpe: one of :data:`SUPPORTED`.
        sentencepiece_model: the model, for ``--bpe sentencepiece``.
        gpt2_encoder_json: encoder.json, for ``--bpe gpt2``.
        gpt2_vocab_bpe: vocab.bpe, for ``--bpe gpt2``.
        bpe_vocab_file: vocab.txt, for ``--bpe bert``.
        bpe_cased: whether ``--bpe bert`` keeps capitals and accents; None: if the vocabulary has
            capitals.
    """

    bpe: str | None = None
    sentencepiece_model: str | None = None
    gpt2_encoder_json: str | None = None
    gpt2_vocab_bpe: str | None = None
    bpe_vocab_file: str | None = None
    bpe_cased: bool | None = None

    def __post_init__(self):
        for name, value in asdict(self).items():
            if value is not None and name != "bpe_cased":
                object.__setattr__(self, name, str(value))  # of paths, too

    @classmethod
    def of(cls, options: Any) -> "TokenizerFiles":
        """The tokenizer named by parsed command-line options."""
        return cls(**{name: getattr(options, name) for name in cls.__dataclass_fields__})

    def given(self) -> dict[str, Any]:
        """The options that are not None, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def config(self) -> dict[str, Any]:
        """fairseq's configuration for ``--bpe``.

        Raises:
            InputError: if the tokenizer is not supported, a file is not given, or the vocabulary
                that decides whether text keeps capitals cannot be read.
        """
        if self.bpe not in FILES:
            raise InputError(f"--bpe must be one of {', '.join(SUPPORTED)}, not {self.bpe!r}")
        options: dict[str, Any] = {name: getattr(self, name) for name in FILES[self.bpe]}
        for name, value in options.items():
            if value is None:
                raise InputError(f"--bpe {self.bpe} needs --{name.replace('_', '-')} FILE")
        if self.bpe == "sentencepiece":
            options |= {"sentencepiece_enable_sampling": False, "sentencepiece_alpha": None}
        if self.bpe == "bert":
            cased = self.bpe_cased
            if cased is None:
                cased = has_capitals(read_vocabulary(options["bpe_vocab_file"]))
            options["bpe_cased"] = bool(cased)
        return {"_name": self.bpe, **options}

    def command_line(self, absolute: bool = True) -> list[str]:
        """The options of fairseq's programs for the tokenizer.

        Args:
            absolute: make the paths absolute; otherwise they are as given.

        Raises:
            InputError: as :meth:`config`.
        """
        config = self.config()
        options = ["--bpe", config["_name"]]
        for name in FILES[config["_name"]]:
            path = os.path.abspath(config[name]) if absolute else config[name]
            options += [f"--{name.replace('_', '-')}", path]
        return [*options, "--bpe-cased"] if config.get("bpe_cased") else options


class SubwordModel(Protocol):
    """Splits text into pieces, without a dictionary.

    Attributes:
        symbols: the symbol of each piece id, as fairseq's ``--bpe`` writes it.
        unknown: id of the unknown piece, for which the letters themselves are written; None if the
            model can split any text.
        known: the symbols that text can become.
        reserved: symbols of the model that stand for no text of their own, and their kinds.
        has_spaces: whether pieces tell where spaces stand; else a piece begins a word if it does
            not continue one, and punctuation is split off without a trace.
    """

    symbols: list[str]
    unknown: int | None
    known: set[str]
    reserved: Mapping[str, SymbolKind]
    has_spaces: bool

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """The piece ids of each line."""
        ...

    def text(self, line: str) -> str:
        """The symbols of a line, separated by spaces."""
        ...

    def decode(self, symbols: Sequence[str]) -> str:
        """The text of symbols."""
        ...

    def letters(self, symbol: str) -> tuple[bytes, bool]:
        """A piece as UTF-8 without the space before a word, and whether it begins a word."""
        ...


class SentencePiece:
    """SentencePiece; its pieces are the symbols."""

    unknown: int | None
    reserved: Mapping[str, SymbolKind] = {}
    has_spaces = True

    def __init__(self, sentencepiece_model: str):
        import sentencepiece

        try:
            self._model = sentencepiece.SentencePieceProcessor(model_file=sentencepiece_model)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{sentencepiece_model} is not a SentencePiece model: {error}"
            ) from error
        self.symbols = [self._model.id_to_piece(i) for i in range(self._model.get_piece_size())]
        self.unknown = self._model.unk_id()
        self.known = {symbol for i, symbol in enumerate(self.symbols) if i != self.unknown}

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """See :class:`SubwordModel`."""
        return self._model.encode(lines, out_type=int, num_threads=1)

    def text(self, line: str) -> str:
        """See :class:`SubwordModel`."""
        return " ".join(self._model.encode(line, out_type=str))

    def decode(self, symbols: Sequence[str]) -> str:
        """See :class:`SubwordModel`."""
        return "".join(symbols).replace(SPACE, " ").strip()

    def letters(self, symbol: str) -> tuple[bytes, bool]:
        """See :class:`SubwordModel`."""
        return self.decode([symbol]).encode(), symbol.startswith(SPACE)


class GPT2:
    """GPT-2's byte-level BPE; the symbols are its ids, written as numbers."""

    unknown: int | None
    reserved: Mapping[str, SymbolKind] = {}
    has_spaces = True

    def __init__(self, gpt2_encoder_json: str, gpt2_vocab_bpe: str):
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes
        import tokenizers

        vocabulary, merges = read_byte_pairs(gpt2_encoder_json, gpt2_vocab_bpe)
        try:
            model = tokenizers.models.BPE(vocab=vocabulary, merges=merges)
        except Exception as error:  # the library raises Exception itself
            raise InputError(
                f"{gpt2_encoder_json} and {gpt2_vocab_bpe} are not a GPT-2 BPE: {error}"
            ) from error
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        self._tokens = {str(i): token for token, i in vocabulary.items()}
        self.symbols = [str(i) for i in range(max(vocabulary.values()) + 1)]
        self.unknown = None  # it has a symbol for each byte
        self.known = set(self._tokens)

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """See :class:`SubwordModel`."""
        encoded = self._tokenizer.encode_batch_fast(lines, add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def text(self, line: str) -> str:
        """See :class:`SubwordModel`."""
        return " ".join(map(str, self.pieces([line])[0]))

    def decode(self, symbols: Sequence[str]) -> str:
        """See :class:`SubwordModel`."""
        return b"".join(map(self._bytes, symbols)).decode(errors="replace")

    def letters(self, symbol: str) -> tuple[bytes, bool]:
        """See :class:`SubwordModel`; the bytes may be part of a letter."""
        letters = self._bytes(symbol)
        return letters.strip(), letters.startswith(b" ")

    def _bytes(self, symbol):
        return bytes(BYTE_OF_LETTER[letter] for letter in self._tokens[symbol])


def load_subword_model(config: Mapping[str, Any]) -> SubwordModel:
    """Load the subword model that fairseq's configuration for ``--bpe`` describes.

    Args:
        config: from :meth:`TokenizerFiles.config` or from a checkpoint.

    Raises:
        InputError: if the tokenizer is not supported, or one of its files cannot be read.
    """
    if config["_name"] == "sentencepiece":
        return SentencePiece(config["sentencepiece_model"])
    if config["_name"] == "gpt2":
        return GPT2(config["gpt2_encoder_json"], config["gpt2_vocab_bpe"])
    if config["_name"] == "bert":
        return WordPiece(config["bpe_vocab_file"], bool(config.get("bpe_cased")))
    raise InputError(f"--bpe must be one of {', '.join(SUPPORTED)}, not {config['_name']!r}")


class Indexed(NamedTuple):
    """Lines as dictionary indices."""

    indices: np.ndarray  # int64 (N,), the concatenated lines, each with </s> at its end
    lengths: np.ndarray  # int64 (lines,), with </s>
    missing: np.ndarray  # int64 (lines,), number of tokens that are pieces the dictionary lacks


class Symbols(Protocol):
    """A dictionary as a tokenizer uses it: fairseq's or a :class:`~.PlainDictionary`."""

    symbols: list[str]

    def index(self, symbol: str) -> int:
        """The index of a symbol, or that of ``<unk>`` if the dictionary lacks it."""
        ...


class Tokenizer:
    """Converts lines to dictionary indices, like fairseq-preprocess.

    Only configuration and dictionary are pickled, for example for a worker process; the copy loads
    the files again.

    Attributes:
        config: fairseq's configuration for ``--bpe``.
        dictionary: the symbols by index.
        model: splits text into pieces.
        kinds: the kind of each symbol of the dictionary.
        letters: symbols of the dictionary for letters that the tokenizer does not know.
        lacking: pieces of the tokenizer that the dictionary lacks.

    Raises:
        InputError: if a file of the tokenizer cannot be read, or if the dictionary was made for
            another tokenizer.
    """

    def __init__(self, config: Mapping[str, Any], dictionary: Symbols):
        self.config, self.dictionary = config, dictionary
        self.model = model = load_subword_model(config)
        self.kinds = kinds_of(
            dictionary.symbols, model.known, model.unknown is not None, model.reserved
        )
        table = [
            dictionary.index(symbol) if symbol.split() == [symbol] else _IRREGULAR
            for symbol in model.symbols
        ]
        if model.unknown is not None:
            # Letters are written for it, which are symbols if the dictionary has such symbols.
            is_symbol = not {SymbolKind.LETTERS, SymbolKind.FOREIGN}.isdisjoint(self.kinds)
            table[model.unknown] = _IRREGULAR if is_symbol else UNKNOWN
        self._table = np.array(table, np.int64)
        self._is_missing = self._table == UNKNOWN
        if model.unknown is not None:
            self._is_missing[model.unknown] = False
        if model.reserved:
            self._is_missing &= [symbol not in model.reserved for symbol in model.symbols]
        self.lacking = [model.symbols[i] for i in np.flatnonzero(self._is_missing)]
        self.letters = [
            symbol
            for symbol, kind in zip(dictionary.symbols, self.kinds, strict=True)
            if kind == SymbolKind.LETTERS
        ]

    def __reduce__(self):
        return type(self), (self.config, self.dictionary)

    def index(self, lines: list[str]) -> Indexed:
        """The indices of lines; a blank line becomes ``</s>`` alone."""
        split = iter(self.model.pieces([line for line in lines if line]))
        pieces = [next(split) if line else [] for line in lines]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        ids = np.fromiter(chain.from_iterable(pieces), np.int64, lengths.sum())
        flat, missing = self._table[ids], np.zeros(len(lines), np.int64)
        if self._is_missing.any():
            lines_of_ids = np.repeat(np.arange(len(lines)), lengths)
            missing = np.bincount(lines_of_ids[self._is_missing[ids]], minlength=len(lines))
        irregular = self._irregular(lines, flat, lengths)
        if irregular:
            out, lengths = self._joined(lines, flat, lengths, irregular)
            return Indexed(out, lengths, missing)
        out = np.full(len(flat) + len(lines), EOS)
        ends = np.cumsum(lengths + 1) - 1
        inner = np.ones(len(out), bool)
        inner[ends] = False
        out[inner] = flat
        return Indexed(out, lengths + 1, missing)

    def rows(self, lines: list[str]) -> list[np.ndarray]:
        """The indices of each line, int64 (tokens,), without ``</s>``."""
        indices, lengths, _ = self.index(lines)
        return [row[:-1] for row in np.split(indices, np.cumsum(lengths)[:-1])]

    def decode(self, indices: Sequence[int]) -> str:
        """The text of indices; special symbols are skipped."""
        is_text = (SymbolKind.PIECE, SymbolKind.LETTERS)
        symbols = self.dictionary.symbols
        return self.model.decode([symbols[i] for i in indices if self.kinds[i] in is_text])

    def _irregular(self, lines, flat, lengths):
        """Indices of lines whose pieces differ from the symbols that fairseq reads."""
        places = np.flatnonzero(flat == _IRREGULAR)
        found = set(np.searchsorted(np.cumsum(lengths), places, side="right").tolist())
        if self.model.unknown is not None:
            # fairseq splits symbols at any white space, which an unknown piece may contain.
            found |= {i for i, line in enumerate(lines) if _ODD_SPACE.search(line)}
        return sorted(found)

    def _joined(self, lines, flat, lengths, irregular):
        """The indices of lines and their lengths, if some lines must be looked up as text."""
        parts = np.split(flat, np.cumsum(lengths)[:-1])
        for i in irregular:
            symbols = self.model.text(lines[i]).split()
            parts[i] = np.array([self.dictionary.index(symbol) for symbol in symbols], np.int64)
        lengths = np.array([len(part) + 1 for part in parts])
        return np.concatenate([x for part in parts for x in (part, [EOS])]), lengths
