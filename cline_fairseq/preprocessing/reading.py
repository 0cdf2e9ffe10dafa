"""Reading text of any size: plain or compressed files, in blocks of whole documents."""

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

BLOCK = 1 << 18  # bytes; a block ends with the first document that ends behind so many
MAX_LINE = 1 << 24  # bytes; the default limit of a line
MAX_DOCUMENT = 1 << 20  # bytes; a longer document is cut at the end of a line
_CHUNK = 1 << 20
_DOCUMENT_END = re.compile(rb"\n\r?\n")
_OPENERS = {".gz": lambda raw: gzip.GzipFile(fileobj=raw), ".xz": lzma.LZMAFile}


class Block(NamedTuple):
    """A piece of a file: whole lines, and whole documents where they are not very long."""

    path: Path
    line: int  # the number of the first line, from 1
    starts_document: bool
    data: bytes
    consumed: int  # bytes of the file read so far, as they are on disk


class TextFile:
    """A text file that is read once from start to end, plain or as .gz, .xz or .zst.

    Args:
        path: of the file.
        max_line: most bytes of a line; encoding takes about 50 times as much memory.

    Raises:
        InputError: when it is read, if it is damaged, or if a line is too long.
    """

    def __init__(self, path: Path, max_line: int = MAX_LINE):
        require_text(path)
        self.path, self._max_line = path, max_line
        self._raw = _Digesting(path)
        self.stat = self._raw.stat  # as it was before reading

    @property
    def digest(self) -> str:
        """BLAKE2 of what was read so far, as it is on disk."""
        return self._raw.hash.hexdigest()

    def blocks(self) -> Iterator[Block]:
        """The blocks of the file; the last line gets an end if it has none."""
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
        """Where a block that begins at ``start`` ends, 0 if not within ``text``."""
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
            f"{self.path}, line {line} has more than {self._max_line:,} bytes: give one paragraph "
            "a line, or raise --max-line-bytes (encoding takes about 50 times as much memory)"
        )

    def _chunks(self):
        """The text, decompressed, in pieces of some MB at most."""
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
                f"{self.path} is damaged or cut off ({error}): make or copy it again"
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
    """A file on disk that is hashed while it is read."""

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
