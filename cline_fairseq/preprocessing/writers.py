"""Write an encoded corpus: fairseq's mmap files, or symbols as text.

Everything is written under temporary names. :meth:`Output.commit` reads the files again to verify
their content, and renames them in an order in which files never look finished when they are not.
"""

import os
import struct
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from ..atomic_io import make_folder
from ..dictionary import PlainDictionary
from ..errors import InputError
from ..runtime.interrupts import held
from ..runtime.locking import alone
from ..runtime.parts import part_path, remove_part
from .manifest import file_digest, new_hash

_MAGIC = b"MMIDIDX\x00\x00"
_VERSION = 1
_DTYPE_CODES = {np.uint16: 8, np.uint32: 9}
_CHUNK = 1 << 20  # sizes read at a time


def token_dtype(num_symbols: int) -> type[np.uint16] | type[np.uint32]:
    """The dtype in which fairseq stores tokens, for a dictionary of this size."""
    return np.uint16 if num_symbols < 65500 else np.uint32


class _File:
    """A file under a temporary name that knows what it must contain at the end."""

    def __init__(self, path: Path):
        self.path, self.part, self.size = path, part_path(path), 0
        self._file = self.part.open("wb")
        self._hash = new_hash()

    def write(self, data) -> None:
        self.size += self._file.write(data)
        self._hash.update(data)

    def finish(self) -> str:
        """Make sure that everything is on disk, and return the digest."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        digest = self._hash.hexdigest()
        if file_digest(self.part) != digest:
            raise _broken(self.path)
        return digest

    def remove(self) -> None:
        with suppress(OSError):  # a full disk, which was already reported
            self._file.close()
        remove_part(self.part)


def _broken(path):
    return InputError(
        f"{path} does not hold what was written to it: check the disk, and run the same command "
        "again"
    )


class Output:
    """Files that are written together; the last one marks them as complete.

    A context manager that keeps other processes from writing the same files.

    Args:
        name: path to lock, see :func:`~cline_fairseq.runtime.locking.alone`.
        paths: the files, in the order in which they get their final names.
    """

    def __init__(self, name: Path, paths: list[Path]):
        self.name, self.paths = name, paths
        make_folder(paths[0].parent)
        self._files = [_File(path) for path in paths]

    def commit(self) -> list[str]:
        """Rename the files to their final names, after removing old files in reverse order.

        Returns:
            their digests, see :func:`.manifest.file_digest`.

        Raises:
            InputError: if a file does not contain what was written to it.
        """
        digests = [file.finish() for file in self._files]
        with held():
            for path in reversed(self.paths):
                path.unlink(missing_ok=True)
            self._write_companions()
            for file in self._files:
                os.replace(file.part, file.path)
        return digests

    def _write_companions(self):
        """Write further files next to these, before they get their final names."""

    def _remove(self):
        """Remove the files that still have temporary names."""
        for file in self._files:
            file.remove()

    def __enter__(self):
        with ExitStack() as stack:
            stack.callback(self._remove)
            stack.enter_context(alone(self.name))
            self._until_exit = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._until_exit.close()


class BinaryOutput(Output):
    """A dataset for fairseq's ``mmap`` implementation: PREFIX.bin and PREFIX.idx.

    The files equal those of ``fairseq-preprocess --only-source`` byte for byte.

    Args:
        prefix: path of the files without their suffix.
        num_symbols: size of the dictionary.
        dictionary: written to dict.txt next to the files, if not None.
    """

    def __init__(self, prefix: Path, num_symbols: int, dictionary: PlainDictionary | None = None):
        self._dictionary, self._dictionary_path = dictionary, prefix.with_name("dict.txt")
        self._dtype = token_dtype(num_symbols)
        ends = ("bin", "idx")
        super().__init__(prefix, [prefix.with_name(f"{prefix.name}.{end}") for end in ends])
        self._sizes_path = part_path(prefix.with_name(f"{prefix.name}.sizes"))
        self._sizes = self._sizes_path.open("w+b")

    def write(self, tokens: np.ndarray, sizes: np.ndarray) -> None:
        """Append lines.

        Args:
            tokens: int (N,), the tokens of all lines, concatenated.
            sizes: int (lines,), number of tokens of each line.
        """
        self._files[0].write(tokens.astype(self._dtype, copy=False))
        self._sizes.write(sizes.astype(np.int32, copy=False).data)

    def commit(self) -> list[str]:
        """Write the index and rename the files; see :meth:`Output.commit`."""
        tokens, index = self._files
        index.write(_MAGIC + struct.pack("<QB", _VERSION, _DTYPE_CODES[self._dtype]))
        index.write(struct.pack("<Q", self._sizes.tell() // 4))
        for sizes in self._stored_sizes():
            index.write(sizes)
        address = 0
        for sizes in self._stored_sizes():
            ends = address + np.cumsum(sizes, dtype=np.int64) * self._dtype().itemsize
            index.write(np.concatenate([[address], ends[:-1]]))
            address = int(ends[-1])
        if address != tokens.size:
            raise _broken(tokens.path)
        return super().commit()

    def _write_companions(self):
        if self._dictionary:
            self._dictionary.save(self._dictionary_path)

    def _stored_sizes(self):
        self._sizes.flush()
        self._sizes.seek(0)
        while data := self._sizes.read(4 * _CHUNK):
            yield np.frombuffer(data, np.int32)

    def _remove(self):
        super()._remove()
        self._sizes.close()
        remove_part(self._sizes_path)


class TextOutput(Output):
    """Symbols separated by spaces, one text per line, as fairseq-preprocess reads them."""

    def __init__(self, path: Path):
        super().__init__(path, [path])

    def write(self, text: np.ndarray, sizes: np.ndarray) -> None:
        """Append lines.

        Args:
            text: uint8 (N,), the bytes of all lines, concatenated.
            sizes: int (lines,), number of bytes of each line; not needed here.
        """
        self._files[0].write(text)
