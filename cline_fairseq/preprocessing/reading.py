"""Read texts of any size, plain or compressed, in blocks of whole documents."""

import gzip
import hashlib
import io
import lzma
import re
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..atomic_io import require_text
from ..errors import InputError

BLOCK = 1 << 18  # bytes; a block ends at the first end of a document after this many
MAX_LINE = 1 << 24  # bytes; default limit for a line
MAX_DOCUMENT = 1 << 20  # bytes; a longer document is split at the end of a line
CHUNK = 1 << 20  # bytes read at a time
_ZSTANDARD = 1 << 10  # bytes decompressed at a time, as each four may stand for 128 KB
_DOCUMENT_END = re.compile(rb"\n\r?\n")
_OPENERS = {".gz": lambda raw: gzip.GzipFile(fileobj=raw), ".xz": lzma.LZMAFile}


class Block(NamedTuple):
    """A piece of a text: whole lines, and whole documents unless they are very long.

    Attributes:
        path: the file.
        line: number of the first line, from 1.
        starts_document: whether the first line starts a document.
        data: the text; ends with a line feed.
        consumed: bytes read from the file so far, before decompression.
        blank: blank lines within rows that were left out before the end of the block, see
            :class:`~.rows.RowTexts`.
    """

    path: Path
    line: int
    starts_document: bool
    data: bytes
    consumed: int
    blank: int = 0


class Source(ABC):
    """A file that is read once from start to end, as text.

    Args:
        path: the file.
        max_line: maximum length of a line in bytes; encoding and rewriting take 50 to 100 times
            this memory.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: while reading, if the file is damaged or a line is too long.
    """

    def __init__(self, path: Path, max_line: int = MAX_LINE):
        require_text(path)
        self.path, self._max_line = path, max_line
        self.stat = path.stat()  # status before reading

    @property
    @abstractmethod
    def digest(self) -> str:
        """The BLAKE2 digest of the file that was read, before decompression."""

    @abstractmethod
    def _chunks(self) -> Iterator[bytes]:
        """The text, in pieces of at most a few MB."""

    @property
    @abstractmethod
    def _consumed(self) -> int:
        """Bytes read from the file so far, before decompression."""

    def _take_blank(self) -> int:
        """Blank lines within rows that were left out since the last call."""
        return 0

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the text; a line feed is added at the end if it is missing."""
        line, starts_document, rest = 1, True, b""
        for chunk in self._chunks():
            rest += chunk
            start = 0
            while end := self._block_end(rest, start, line):
                data = rest[start:end]
                self._require_short_lines(data, line)
                yield self._block(line, starts_document, data)
                line += data.count(b"\n")
                starts_document = ends_document(data)
                start = end
            rest = rest[start:]
        if rest:
            data = rest if rest.endswith(b"\n") else rest + b"\n"
            self._require_short_lines(data, line)
            yield self._block(line, starts_document, data)

    def _block(self, line, starts_document, data):
        blank = self._take_blank()
        return Block(self.path, line, starts_document, data, self._consumed, blank)

    def _block_end(self, text, start, line):
        """The end of the block that begins at ``start``, 0 if it is not within ``text``."""
        if found := _DOCUMENT_END.search(text, start + BLOCK):
            return found.end()
        if len(text) - start > MAX_DOCUMENT and (end := text.rfind(b"\n", start) + 1):
            return end
        if len(text) - start > self._max_line and text.find(b"\n", start) < 0:
            raise self._too_long(line)
        return 0

    def _require_short_lines(self, data, line):
        if len(data) > self._max_line:
            for number, text in enumerate(data.split(b"\n"), line):
                if len(text) > self._max_line:
                    raise self._too_long(number)

    def _too_long(self, line):
        return too_long(f"{self.path}, line {line}", self._max_line)


def too_long(where: str, max_line: int) -> InputError:
    """The error that a line is too long.

    Args:
        where: file and line.
        max_line: maximum length of a line in bytes.
    """
    return InputError(
        f"{where} has more than {max_line:,} bytes: write one paragraph per line, or raise "
        "--max-line-bytes (encoding and rewriting take 50 to 100 times as much memory)"
    )


class TextFile(Source):
    """A text file, plain or as .gz, .xz or .zst; see :class:`Source`."""

    _raw: "_Digesting | None" = None

    @property
    def digest(self) -> str:
        """The BLAKE2 digest of the bytes read so far, before decompression."""
        assert self._raw is not None, "nothing was read yet"
        return self._raw.hash.hexdigest()

    @property
    def _consumed(self):
        return 0 if self._raw is None else self._raw.consumed

    def _chunks(self):
        """The decompressed text."""
        self._raw = _Digesting(self.path)  # opened now, as there may be thousands of files
        try:
            with io.BufferedReader(self._raw, CHUNK) as raw:
                suffix = self.path.suffix
                if suffix == ".zst":
                    yield from _decompress_zstandard(raw)
                else:
                    opened = _OPENERS[suffix](raw) if suffix in _OPENERS else raw
                    while chunk := opened.read(CHUNK):
                        yield chunk
        except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise InputError(
                f"{self.path} is damaged or cut off ({error}): create or copy it again"
            ) from error


def ends_document(data: bytes) -> bool:
    """Whether text ends with a blank line."""
    return data.endswith((b"\n\n", b"\n\r\n"))


def _decompress_zstandard(raw):
    try:
        import zstandard
    except ImportError as error:
        raise InputError("reading .zst files needs zstandard: pip install zstandard") from error
    decompressor, frame = zstandard.ZstdDecompressor(), None
    parts: list[bytes] = []
    size = 0
    while data := raw.read(_ZSTANDARD):
        while data:
            frame = frame or decompressor.decompressobj()
            try:
                parts.append(frame.decompress(data))
            except zstandard.ZstdError as error:
                raise EOFError(error) from error
            size += len(parts[-1])
            data = frame.unused_data
            if frame.eof:
                frame = None
        if size >= CHUNK:
            yield b"".join(parts)
            parts, size = [], 0
    if frame is not None:
        raise EOFError("it ends in the middle of a frame")
    yield b"".join(parts)


class _Digesting(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, path):
        self._file = path.open("rb", buffering=0)
        self.hash = hashlib.blake2b(digest_size=16)
        self.consumed = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._file.readinto(buffer)
        self.hash.update(memoryview(buffer)[:count])
        self.consumed += count
        return count

    def close(self):
        self._file.close()
        super().close()
