"""Read text files of any size, plain or compressed, in blocks of whole documents."""

import gzip
import hashlib
import io
import lzma
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..atomic_io import require_text
from ..errors import InputError

BLOCK = 1 << 18  # bytes; a block ends at the first end of a document after this many
MAX_LINE = 1 << 24  # bytes; default limit for a line
MAX_DOCUMENT = 1 << 20  # bytes; a longer document is split at the end of a line
_CHUNK = 1 << 20
_DOCUMENT_END = re.compile(rb"\n\r?\n")
_OPENERS = {".gz": lambda raw: gzip.GzipFile(fileobj=raw), ".xz": lzma.LZMAFile}


class Block(NamedTuple):
    """A piece of a file: whole lines, and whole documents unless they are very long.

    Attributes:
        path: the file.
        line: number of the first line, from 1.
        starts_document: whether the first line starts a document.
        data: the text; ends with a line feed.
        consumed: bytes read from the file so far, before decompression.
    """

    path: Path
    line: int
    starts_document: bool
    data: bytes
    consumed: int


class TextFile:
    """A text file, plain or as .gz, .xz or .zst, that is read once from start to end.

    Args:
        path: the file.
        max_line: maximum length of a line in bytes; encoding takes about 50 times this memory.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: while reading, if the file is damaged or a line is too long.
    """

    def __init__(self, path: Path, max_line: int = MAX_LINE):
        require_text(path)
        self.path, self._max_line = path, max_line
        self._raw = _Digesting(path)
        self.stat = self._raw.stat  # status before reading

    @property
    def digest(self) -> str:
        """The BLAKE2 digest of the bytes read so far, before decompression."""
        return self._raw.hash.hexdigest()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of the file; a line feed is added at the end if it is missing."""
        line, starts_document, rest = 1, True, b""
        for chunk in self._chunks():
            rest += chunk
            start = 0
            while end := self._block_end(rest, start, line):
                data = rest[start:end]
                self._require_short_lines(data, line)
                yield Block(self.path, line, starts_document, data, self._raw.consumed)
                line += data.count(b"\n")
                starts_document = ends_document(data)
                start = end
            rest = rest[start:]
        if rest:
            data = rest if rest.endswith(b"\n") else rest + b"\n"
            self._require_short_lines(data, line)
            yield Block(self.path, line, starts_document, data, self._raw.consumed)

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
        return InputError(
            f"{self.path}, line {line} has more than {self._max_line:,} bytes: write one paragraph "
            "per line, or raise --max-line-bytes (encoding takes about 50 times as much memory)"
        )

    def _chunks(self):
        """The decompressed text, in pieces of at most a few MB."""
        try:
            with io.BufferedReader(self._raw, _CHUNK) as raw:
                suffix = self.path.suffix
                if suffix == ".zst":
                    yield from _decompress_zstandard(raw)
                else:
                    opened = _OPENERS[suffix](raw) if suffix in _OPENERS else raw
                    while chunk := opened.read(_CHUNK):
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
    while data := raw.read(_CHUNK >> 4):
        while data:
            frame = frame or decompressor.decompressobj()
            try:
                yield frame.decompress(data)
            except zstandard.ZstdError as error:
                raise EOFError(error) from error
            data = frame.unused_data
            if frame.eof:
                frame = None
    if frame is not None:
        raise EOFError("it ends in the middle of a frame")


class _Digesting(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, path):
        self._file = path.open("rb", buffering=0)
        self.stat = os.fstat(self._file.fileno())
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
