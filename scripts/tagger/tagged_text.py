"""Tagged text: files of word/TAG pairs, one text per line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from cline_fairseq.atomic_io import atomic_write
from cline_fairseq.errors import InputError, MissingFileError


def read_tagged(path: Path) -> Iterator[list[tuple[str, str]]]:
    """Read the (word, Penn tag) pairs of each line.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if an item is not a word/TAG pair, with file and line.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no tagged text {path}: specify a file of word/TAG pairs, one text per line"
        )
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            pairs = []
            for item in line.split(" "):
                word, slash, tag = item.rstrip("\n").rpartition("/")
                if not (word and slash and tag):
                    raise InputError(
                        f"{path}, line {number}: expected word/TAG pairs with single spaces "
                        f"between them, found {item!r}"
                    )
                pairs.append((word, tag))
            yield pairs


def write_tagged(path: Path, texts: Iterable[Iterable[tuple[str, str]]]) -> None:
    """Write a file that :func:`read_tagged` can read.

    Args:
        path: of the file.
        texts: the (word, tag) pairs of each text.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8") as out:
        for pairs in texts:
            print(*(f"{word}/{tag}" for word, tag in pairs), file=out)
