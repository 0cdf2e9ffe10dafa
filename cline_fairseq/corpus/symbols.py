"""fairseq's dictionary, read and written without fairseq, which would bring torch along."""

from pathlib import Path

from ..dictionary import SPECIAL
from ..errors import InputError, MissingFileError
from ..files import written_whole

EOS, UNKNOWN = SPECIAL.index("</s>"), SPECIAL.index("<unk>")
_OVERWRITE = "#fairseq:overwrite"


class Symbols:
    """The symbols of a dict.txt by index, as ``fairseq.data.Dictionary.load`` numbers them."""

    def __init__(self, path: Path):
        if not path.is_file():
            raise MissingFileError(
                f"no dictionary {path}: give the dict.txt of the tokenizer "
                "(scripts/train_sentencepiece.py writes one)"
            )
        self.symbols = list(SPECIAL)
        self._counts: list[str] = []
        self._index = {symbol: i for i, symbol in enumerate(SPECIAL)}
        try:
            with path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    self._add(path, number, line.rstrip())
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is no dictionary: it is not UTF-8 text ({error})") from error
        if not self._counts:
            raise InputError(f"{path} is empty: give the dict.txt of the tokenizer")

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
            raise InputError(f"{path}, line {number}: the symbol {symbol!r} is there already")
        self._index[symbol] = len(self.symbols)
        self.symbols.append(symbol)
        self._counts.append(str(int(count)))

    def __len__(self) -> int:
        return len(self.symbols)

    def index(self, symbol: str) -> int:
        """The index of a symbol, that of ``<unk>`` where there is none."""
        return self._index.get(symbol, UNKNOWN)

    def save(self, path: Path) -> None:
        """Write the dictionary as fairseq-preprocess does."""
        pairs = zip(self.symbols[len(SPECIAL) :], self._counts, strict=True)
        with written_whole(path) as part:
            part.write_text("".join(f"{s} {count}\n" for s, count in pairs), encoding="utf-8")
