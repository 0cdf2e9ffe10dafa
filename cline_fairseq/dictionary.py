"""fairseq's dictionary: its special symbols, its file, and whether it fits a tokenizer.

A dictionary that fairseq-preprocess makes from encoded text (without ``--srcdict``) differs from
the list of the tokenizer's pieces. It lacks pieces that never occurred, or too rarely
(``--thresholdsrc``). It also has symbols that are not pieces: SentencePiece copies letters that it
does not know, a run of them as one symbol, and fairseq gives each such symbol an index. In English
text these are 0.1 to 0.2 % of the tokens, but with 2,000 pieces they may be half of the types.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType

from .atomic_io import atomic_write
from .errors import InputError, MissingFileError

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
BOS, PAD, EOS, UNKNOWN = range(len(SPECIAL))
MASK = "<mask>"
FIRST_POSITION = PAD + 1  # RoBERTa numbers positions from here; lower rows are unused
MADE_UP = "madeupword"  # prefix of the symbols that fairseq pads a dictionary with
ALLOWED_UNKNOWN = 0.01  # fraction of a text's tokens that may be pieces the dictionary lacks
_OVERWRITE = "#fairseq:overwrite"
_MAX_FOREIGN = 0.01  # largest fraction of symbols that should be pieces but are not


class MismatchError(InputError):
    """A dictionary was made for another tokenizer."""


class SymbolKind(IntEnum):
    """What a symbol of a dictionary is to a tokenizer."""

    SPECIAL = 0  # text never becomes it
    PIECE = 1
    LETTERS = 2  # letters that the tokenizer does not know: like <unk>, but with an own index
    FOREIGN = 3  # of another tokenizer


def is_special(symbol: str) -> bool:
    """Whether text never becomes a symbol: fairseq's own, ``<mask>`` and made-up words."""
    return symbol in SPECIAL or symbol == MASK or symbol.startswith(MADE_UP)


class PlainDictionary:
    """fairseq's dictionary without importing fairseq, which imports torch.

    Attributes:
        symbols: by index, numbered as by ``fairseq.data.Dictionary.load``.

    Raises:
        MissingFileError: if the file is missing.
        InputError: if the file is not a dictionary, or is empty.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise MissingFileError(
                f"no dictionary {path}: specify the dict.txt of the tokenizer "
                "(cline-fairseq train-tokenizer writes one)"
            )
        self.symbols = list(SPECIAL)
        self._counts: list[str] = []
        self._index = {symbol: i for i, symbol in enumerate(SPECIAL)}
        try:
            with path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    self._add(path, number, line.rstrip())
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path} is not a dictionary: it is not UTF-8 text ({error})"
            ) from error
        if not self._counts:
            raise InputError(f"{path} is empty: specify the dict.txt of the tokenizer")

    def _add(self, path, number, line):
        symbol, _, count = line.rpartition(" ")
        overwrite = count == _OVERWRITE
        if overwrite:
            symbol, _, count = symbol.rpartition(" ")
        if not symbol or not count.removeprefix("-").isdecimal():
            raise InputError(
                f"{path}, line {number}: expected a symbol and its count, found {line!r}"
            )
        if symbol in self._index and not overwrite:
            raise InputError(f"{path}, line {number}: the symbol {symbol!r} already exists")
        self._index[symbol] = len(self.symbols)
        self.symbols.append(symbol)
        self._counts.append(str(int(count)))

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def text_symbols(self) -> list[str]:
        """The symbols that text can become, see :func:`is_special`."""
        return [symbol for symbol in self.symbols if not is_special(symbol)]

    def index(self, symbol: str) -> int:
        """The index of a symbol, or that of ``<unk>`` if the dictionary lacks it."""
        return self._index.get(symbol, UNKNOWN)

    def save(self, path: Path) -> None:
        """Write the dictionary as fairseq-preprocess does."""
        write_dictionary(path, zip(self.symbols[len(SPECIAL) :], self._counts, strict=True))


def write_dictionary(path: Path, counts: Iterable[tuple[str, int | str]]) -> None:
    """Write a dict.txt; see :func:`~cline_fairseq.atomic_io.atomic_write`.

    Args:
        path: the file.
        counts: symbols with their counts, without the four special symbols.
    """
    with atomic_write(path) as part:
        part.write_text("".join(f"{symbol} {count}\n" for symbol, count in counts), "utf-8")


def kinds_of(
    symbols: Sequence[str],
    pieces: Collection[str],
    writes_unknown: bool,
    reserved: Mapping[str, SymbolKind] = MappingProxyType({}),
) -> list[SymbolKind]:
    """The kind of each symbol of a dictionary.

    A symbol that is not a piece consists of unknown letters if none of its characters is a piece,
    because letters that are pieces never become part of such a symbol. Symbols of another tokenizer
    contain known letters; even those in other scripts include digits or marks for spaces.

    Args:
        symbols: all symbols of the dictionary.
        pieces: the tokenizer's pieces, as symbols; a set.
        writes_unknown: whether the tokenizer copies letters that it does not know.
        reserved: the kinds of symbols that are not pieces, such as WordPiece's ``[UNK]``.

    Raises:
        MismatchError: if the dictionary was made for another tokenizer.
    """
    kinds = [
        reserved[symbol] if symbol in reserved else _kind_of(symbol, pieces, writes_unknown)
        for symbol in symbols
    ]
    foreign = [s for s, kind in zip(symbols, kinds, strict=True) if kind == SymbolKind.FOREIGN]
    total = kinds.count(SymbolKind.PIECE) + len(foreign)
    if total == 0:
        raise MismatchError(
            "the dictionary does not fit the tokenizer: it has none of the tokenizer's "
            f"{len(pieces):,} pieces; use the tokenizer that the corpus was encoded with and the "
            "dict.txt that was made from its output"
        )
    if len(foreign) > _MAX_FOREIGN * total:
        raise MismatchError(
            f"the dictionary does not fit the tokenizer: {len(foreign):,} of the {total:,} "
            f"symbols that should be its pieces are not (for example {foreign[0]!r}), so they come "
            "from another tokenizer; use the tokenizer that the corpus was encoded with and the "
            "dict.txt that was made from its output"
        )
    return kinds


def require_known(
    missing: int, tokens: int, allowed: float, text: str, how: str = "--allow-unknown"
) -> None:
    """Make sure that a dictionary has the pieces that the tokenizer splits a text into.

    Letters that the tokenizer itself does not know do not count.

    Args:
        missing: number of the text's tokens that are pieces the dictionary lacks.
        tokens: number of all tokens of the text.
        allowed: fraction of the tokens that may be missing.
        text: what the error message calls the text.
        how: the option that allows more, for the error message.

    Raises:
        InputError: if more tokens are missing.
    """
    if missing <= allowed * tokens:
        return
    share = missing / tokens
    raise InputError(
        f"{share:.2%} of the tokens of {text} are pieces that the dictionary lacks and become "
        f"<unk>, more than {allowed:.2%}: use a tokenizer and a dictionary that belong together, "
        f"or accept the loss with {how} {min(1.0, 1.05 * share + 0.0005):.3f}"
    )


def _kind_of(symbol, pieces, writes_unknown):
    if is_special(symbol):
        return SymbolKind.SPECIAL
    if symbol in pieces:
        return SymbolKind.PIECE
    if writes_unknown and not any(letter in pieces for letter in symbol):
        return SymbolKind.LETTERS
    return SymbolKind.FOREIGN
