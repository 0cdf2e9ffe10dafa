"""Rows of JSON lines, Parquet and Arrow as text: each row is a document.

The text of a row has a paragraph in each line, and a blank line ends it, so that reading rows is
reading the plain text ``"\\n\\n".join(texts)``. Blank lines within the text of a row would end the
document: they are left out, and counted.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..row_files import import_pyarrow, parse_row
from .manifest import file_digest
from .reading import CHUNK, MAX_LINE, Source, TextFile, too_long

_BOM = b"\xef\xbb\xbf"
_ROWS = 64  # of Parquet and Arrow at a time, so that long texts take little memory


class RowTexts:
    """Makes lines of the texts of rows.

    Args:
        field: the field, or the column, with the text.
        max_line: maximum length of a line in bytes.
        errors: ``strict`` if invalid Unicode is an error. Otherwise the lines hold what is no
            UTF-8, for :func:`~.cleaning.clean_lines` to repair or drop.
    """

    def __init__(self, field: str, max_line: int, errors: str):
        self.field = field
        self._max_line, self._errors = max_line, errors
        self._blank = 0

    def take_blank(self) -> int:
        """Return how many blank lines were left out since the last call."""
        blank, self._blank = self._blank, 0
        return blank

    def chunks(self, texts: Iterable[tuple[str, Any]]) -> Iterator[bytes]:
        """Yield the lines of texts, with a blank line between documents, in large pieces.

        Args:
            texts: file and row for messages, and the value of the field.

        Raises:
            InputError: if a value is not a text, is not valid Unicode, or if a line is too long.
        """
        parts: list[bytes] = []
        size, separator = 0, b""
        for where, value in texts:
            data = self._lines(where, value)
            parts += [separator, data]
            size, separator = size + len(data), b"\n"
            if size >= CHUNK:
                yield b"".join(parts)
                parts, size = [], 0
        yield b"".join(parts)

    def _lines(self, where, value):
        if not isinstance(value, str):
            kind = "null" if value is None else f"of type {type(value).__name__}"
            raise InputError(
                f"{where}: {self.field!r} is {kind}: expected text; fix the row, or leave it out"
            )
        lines = value.removesuffix("\n").split("\n")
        kept = [line for line in lines if line and not line.isspace()]
        self._blank += len(lines) - max(len(kept), 1)  # an empty document is a blank line
        data = self._bytes(where, "\n".join(kept))
        if len(data) > self._max_line and any(
            len(line) > self._max_line for line in data.split(b"\n")
        ):
            raise too_long(f"{where}: a line of {self.field!r}", self._max_line)
        return data + b"\n"

    def _bytes(self, where, text):
        try:
            return text.encode()
        except UnicodeEncodeError as error:
            if self._errors == "strict":
                raise InputError(
                    f"{where}: {self.field!r} is not valid Unicode ({error.reason}): convert it "
                    "first"
                ) from error
        try:
            return text.encode(errors="surrogateescape")  # the bytes as they were
        except UnicodeEncodeError:
            return text.encode(errors="surrogatepass")  # half a character, escaped in JSON


class JsonLinesFile(TextFile):
    """JSON lines, plain or as .gz, .xz or .zst, read as text.

    Args:
        path: the file.
        field: the field with the text.
        max_line: maximum length of a line in bytes, of the text and of the file.
        errors: as for :class:`RowTexts`.
    """

    def __init__(
        self, path: Path, field: str, max_line: int = MAX_LINE, errors: str = "strict"
    ) -> None:
        super().__init__(path, max_line)
        self._rows = RowTexts(field, max_line, errors)

    def _take_blank(self):
        return self._rows.take_blank()

    def _chunks(self):
        return self._rows.chunks(self._texts(super()._chunks()))

    def _texts(self, chunks):
        field = self._rows.field
        for number, line in enumerate(self._lines(chunks), 1):
            if not line or line.isspace():
                continue
            if len(line) > self._max_line:
                raise self._too_long(number)
            where = f"{self.path}, line {number}"
            row = parse_row(line.decode(errors="surrogateescape"), where)
            if field not in row:
                raise _missing(where, field, row)
            yield where, row[field]

    def _lines(self, chunks):
        rest, number = b"", 1
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            if number == 1 and lines:
                lines[0] = lines[0].removeprefix(_BOM)
            yield from lines
            number += len(lines)
            if len(rest) > self._max_line:
                raise self._too_long(number)
        yield rest.removeprefix(_BOM) if number == 1 else rest


class ArrowFile(Source):
    """Parquet (.parquet) or Arrow, as a stream or a file, read as text.

    Args:
        path: the file.
        field: the column with the text.
        max_line: maximum length of a line in bytes.
        errors: as for :class:`RowTexts`.

    Raises:
        InputError: if pyarrow is missing.
    """

    def __init__(
        self, path: Path, field: str, max_line: int = MAX_LINE, errors: str = "strict"
    ) -> None:
        super().__init__(path, max_line)
        self._rows = RowTexts(field, max_line, errors)
        self._pyarrow = import_pyarrow(path)
        self._is_parquet = path.suffix == ".parquet"
        self._digest = ""
        self._read = 0.0  # share of the rows or bytes

    @property
    def digest(self) -> str:
        """The BLAKE2 digest of the file, as it was when reading began."""
        assert self._digest, "nothing was read yet"
        return self._digest

    @property
    def _consumed(self):
        return round(self._read * self.stat.st_size)

    def _take_blank(self):
        return self._rows.take_blank()

    def _chunks(self):
        self._digest = file_digest(self.path)
        return self._rows.chunks(self._texts())

    def _texts(self):
        number = 0
        for column in self._columns():
            for start in range(0, len(column), _ROWS):
                for value in column.slice(start, _ROWS).to_pylist():
                    number += 1
                    text = value if value is None else value.decode(errors="surrogateescape")
                    yield f"{self.path}, row {number}", text

    def _columns(self):
        """Yield the column of the text as bytes, a batch at a time."""
        kind = "Parquet" if self._is_parquet else "Arrow"
        try:
            for column in self._parquet() if self._is_parquet else self._arrow():
                if self._pyarrow.types.is_dictionary(column.type):
                    column = column.dictionary_decode()
                yield column.cast(self._pyarrow.large_binary())
        except (self._pyarrow.ArrowException, OSError) as error:
            raise InputError(
                f"{self.path} is not {kind}, or is damaged ({error}): create or copy it again"
            ) from error

    def _parquet(self):
        # Without buffers of whole row groups.
        options = {"pre_buffer": False, "buffer_size": CHUNK}
        with self._pyarrow.parquet.ParquetFile(self.path, **options) as file:
            field = self._require_text_column(file.schema_arrow)
            done, total = 0, max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(_ROWS, columns=[field]):
                done += len(batch)
                self._read = done / total
                yield batch.column(0)

    def _arrow(self):
        ipc = self._pyarrow.ipc
        with self._pyarrow.OSFile(str(self.path)) as file:
            is_file = file.read(6) == b"ARROW1"
            file.seek(0)
            if is_file:
                reader = ipc.open_file(file)
                batches = map(reader.get_batch, range(reader.num_record_batches))
            else:
                batches = reader = ipc.open_stream(file)
            field = self._require_text_column(reader.schema)
            for batch in batches:
                self._read = file.tell() / max(self.stat.st_size, 1)
                yield batch.column(field)
            self._read = 1

    def _require_text_column(self, schema):
        field = self._rows.field
        if schema.names.count(field) != 1:
            raise _missing(str(self.path), field, schema.names)
        types, kind = self._pyarrow.types, schema.field(field).type
        value = kind.value_type if types.is_dictionary(kind) else kind
        tests = (types.is_string, types.is_large_string, types.is_string_view, types.is_null)
        if not any(test(value) for test in tests):
            raise InputError(
                f"{self.path}: the column {field!r} is of type {kind}: expected text; specify "
                "with --text-field which column holds it"
            )
        return field


def _missing(where, field, names):
    return InputError(
        f"{where}: no {field!r} among {', '.join(map(repr, names)) or 'no fields'}: specify with "
        "--text-field which field holds the text"
    )
