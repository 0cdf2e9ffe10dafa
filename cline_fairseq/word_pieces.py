"""WordPiece, BERT's subword tokenizer: fairseq's ``--bpe bert`` without transformers.

Text is cleaned, split at spaces and at punctuation, and each part is written with the longest
pieces of the vocabulary; a piece that continues a word begins with ``##``. Uncased models read text
in lower case and without accents. The symbols equal those of transformers' ``BertTokenizer``, which
fairseq's encoder calls: letters are classified by the same tables, those of Python.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from .dictionary import SymbolKind
from .errors import InputError

CONTINUES = "##"
UNKNOWN_PIECE = "[UNK]"
# What transformers look for in a text before they split it.
SPECIAL_PIECES = (UNKNOWN_PIECE, "[SEP]", "[PAD]", "[CLS]", "[MASK]")
LONGEST_WORD = 100  # characters; a longer word is unknown
_CACHED = 1 << 20  # words
_RESERVED = re.compile(r"\[[^\[\]\s]+\]")  # [unused1]: text is split at its brackets
_IN_TEXT = re.compile("(" + "|".join(map(re.escape, SPECIAL_PIECES)) + ")")
# The parts of a line of plain ASCII.
_PLAIN = re.compile(r"[0-9A-Za-z]+|[!-/:-@\[-`{-~]")
_CHINESE = (
    *((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F)),
    *((0x2B740, 0x2B81F), (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)),
)
# What transformers do to the spaces of decoded text (clean_up_tokenization), in this order.
_CLEAN_UP = (
    *((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't")),
    *((" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")),
)


class WordPiece:
    """A :class:`~cline_fairseq.tokenizer.SubwordModel` of BERT's vocab.txt.

    Args:
        bpe_vocab_file: vocab.txt, a piece on each line.
        bpe_cased: keep capitals and accents, as fairseq's ``--bpe-cased``.

    Raises:
        InputError: if the file is no such vocabulary, or if it has capitals and text would have
            none.
    """

    unknown: int | None = None  # [UNK] is written in its place, always the same symbol
    reserved: Mapping[str, SymbolKind]
    has_spaces = False

    def __init__(self, bpe_vocab_file: str, bpe_cased: bool = False):
        self.symbols = read_vocabulary(bpe_vocab_file)
        self.cased = bpe_cased
        if not bpe_cased and has_capitals(self.symbols):
            raise InputError(
                f"{bpe_vocab_file} has pieces with capital letters, which text in lower case never "
                "becomes: pass --bpe-cased"
            )
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self.reserved = {
            symbol: SymbolKind.LETTERS if symbol == UNKNOWN_PIECE else SymbolKind.SPECIAL
            for symbol in (*SPECIAL_PIECES, *filter(_RESERVED.fullmatch, self.symbols))
        }
        self.known = set(self._ids).difference(self.reserved)
        # transformers write special pieces even if the vocabulary lacks them.
        for symbol in SPECIAL_PIECES:
            if symbol not in self._ids:
                self._ids[symbol] = len(self.symbols)
                self.symbols.append(symbol)
        self._unknown = [self._ids[UNKNOWN_PIECE]]
        self._clean = _Cleaned(lower=not bpe_cased)
        self._split = _Split() if bpe_cased else _SplitWithoutMarks()
        self._pieces_of = _Words(self._split_word)

    def pieces(self, lines: list[str]) -> list[list[int]]:
        """See :class:`~cline_fairseq.tokenizer.SubwordModel`."""
        if len(self._pieces_of) > _CACHED:
            self._pieces_of.clear()
        find = self._pieces_of.__getitem__
        return [list(chain.from_iterable(map(find, self.words(line)))) for line in lines]

    def text(self, line: str) -> str:
        """See :class:`~cline_fairseq.tokenizer.SubwordModel`."""
        return " ".join([self.symbols[i] for i in self.pieces([line])[0]])

    def decode(self, symbols: Sequence[str]) -> str:
        """See :class:`~cline_fairseq.tokenizer.SubwordModel`.

        The spaces next to punctuation are those that English usually has.
        """
        text = " ".join(symbols).replace(f" {CONTINUES}", "").strip()
        for old, new in _CLEAN_UP:
            text = text.replace(old, new)
        return text

    def letters(self, symbol: str) -> tuple[bytes, bool]:
        """See :class:`~cline_fairseq.tokenizer.SubwordModel`."""
        return symbol.removeprefix(CONTINUES).encode(), not symbol.startswith(CONTINUES)

    def words(self, line: str) -> list[str]:
        """The parts of a line that are split into pieces, each on its own."""
        if "[" in line and _IN_TEXT.search(line):
            parts = enumerate(_IN_TEXT.split(line))  # the text between comes first
            return [
                word for i, part in parts for word in ([part] if i % 2 else self._words_of(part))
            ]
        return self._words_of(line)

    def _words_of(self, text):
        if text.isascii() and text.isprintable():
            return _PLAIN.findall(text if self.cased else text.lower())
        text = unicodedata.normalize("NFC", text.translate(self._clean))
        if not self.cased:
            text = unicodedata.normalize("NFD", text.lower())
        return text.translate(self._split).split()

    def _split_word(self, word):
        """The longest pieces of a word, from its beginning on."""
        if word in SPECIAL_PIECES:
            return [self._ids[word]]
        if len(word) > LONGEST_WORD:
            return self._unknown
        found, start, prefix, get = [], 0, "", self._ids.get
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return self._unknown
            found.append(piece)
            start, prefix = end, CONTINUES
        return found


def read_vocabulary(path: str | Path) -> list[str]:
    """Read the pieces of vocab.txt, by id.

    Raises:
        InputError: if it cannot be read, or lacks ``[UNK]`` or pieces.
    """
    try:
        with open(path, encoding="utf-8") as file:
            pieces = [line.rstrip("\n") for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a vocabulary of WordPiece: {error}") from error
    if UNKNOWN_PIECE not in pieces or not any(_RESERVED.fullmatch(p) is None for p in pieces):
        raise InputError(
            f"{path} is not a vocabulary of WordPiece: it must have a piece on each line, and "
            f"{UNKNOWN_PIECE} among them; pass BERT's vocab.txt"
        )
    return pieces


def has_capitals(pieces: Sequence[str]) -> bool:
    """Whether a vocabulary is for text with capitals: more than one in 1,000 pieces has some."""
    capitals = sum(piece != piece.lower() for piece in pieces if not _RESERVED.fullmatch(piece))
    return capitals > len(pieces) / 1000


class _Words(dict):
    """Pieces by word, found when they are first asked for."""

    def __init__(self, find):
        self._find = find

    def __missing__(self, word):
        found = self[word] = self._find(word)
        return found


class _Cleaned(dict):
    """For ``str.translate``: controls go, spaces are all alike, Chinese characters are words."""

    def __init__(self, lower):
        self._lower = lower

    def __missing__(self, code):
        letters = chr(code).lower() if self._lower else chr(code)
        found = self[code] = "".join(map(_cleaned, letters))
        return found


def _cleaned(letter):
    code = ord(letter)
    if letter in "\t\n\r":
        return " "
    category = unicodedata.category(letter)
    if code in (0, 0xFFFD) or category.startswith("C"):
        return ""
    if category == "Zs":
        return " "
    return f" {letter} " if any(a <= code <= b for a, b in _CHINESE) else letter


class _Split(dict):
    """For ``str.translate``: punctuation is a word of its own."""

    def __missing__(self, code):
        letter = chr(code)
        # All of ASCII that is no letter, digit or control counts as punctuation, "$" and "^" too.
        is_ascii = 33 <= code <= 126 and not letter.isalnum()
        split = is_ascii or unicodedata.category(letter).startswith("P")
        found = self[code] = f" {letter} " if split else letter
        return found


class _SplitWithoutMarks(_Split):
    """The same, and accents go."""

    def __missing__(self, code):
        if unicodedata.category(chr(code)) == "Mn":
            self[code] = ""
            return ""
        return super().__missing__(code)
