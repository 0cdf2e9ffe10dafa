"""Binarized files: their headers, and a reader for formats that fairseq reads poorly."""

import itertools
import os
import struct
from typing import NamedTuple

import numpy as np
import torch
from fairseq.data.indexed_dataset import IndexedDataset, MMapIndexedDataset

from ..errors import InputError, MissingFileError

# The header of an .idx file: magic number, version, code of the dtype, bytes per token (lazy and
# cached only), number of lines, number of their dimensions (lazy and cached only).
MMAP_HEADER = struct.Struct("<9sQBQ")
LEGACY_HEADER = struct.Struct("<8sQQQQQ")
_VERSION = 1
# Bytes per token by the code of the dtype.
ITEM_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 4, 7: 8, 8: 2, 9: 4, 10: 8}


class Header(NamedTuple):
    """The size of a binarized file, according to its index."""

    num_lines: int
    num_tokens: int


def read_headers(path: str, combine: bool = False) -> list[Header]:
    """Read the headers of a binarized text, which takes milliseconds for files of any size.

    Args:
        path: of the text, without .bin and .idx.
        combine: whether to include its further parts (train1, train2, ... for train).

    Returns:
        One header for each part. The list is empty if ``path`` itself is a file: a text that
        fairseq binarizes when it loads it (``--dataset-impl raw``).

    Raises:
        MissingFileError: if there is no such text.
        InputError: if a file is damaged or truncated.
    """
    if _exists(path):
        return [_read_header(part) for part in parts_of(path, combine)]
    if os.path.isfile(path):
        return []
    if os.path.isfile(f"{path}.None-None"):  # the name that fairseq-preprocess writes
        raise MissingFileError(
            f"no binarized text {path}.bin, only {path}.None-None, a copy of the text: run "
            "fairseq-preprocess again without --dataset-impl raw"
        )
    raise MissingFileError(
        f"no binarized text {path}.bin: specify the folder that fairseq-preprocess wrote, and the "
        "names of its splits (--train-subset, --valid-subset)"
    )


def parts_of(path: str, combine: bool) -> list[str]:
    """List the parts of a binarized text.

    Args:
        path: of the text, without .bin and .idx.
        combine: whether to include its further parts (train1, train2, ... for train).

    Returns:
        The paths of the parts, without .bin and .idx.
    """
    paths = [path]
    if combine:
        paths += itertools.takewhile(_exists, (f"{path}{k}" for k in itertools.count(1)))
    return paths


def _exists(path):
    return os.path.isfile(f"{path}.idx") and os.path.isfile(f"{path}.bin")


def _read_header(path):
    try:
        num_lines, num_tokens, item_size = _read_index(f"{path}.idx")
    except (ValueError, struct.error, KeyError) as error:
        raise InputError(
            f"{path}.bin and .idx cannot be read ({error or 'no index'}): run fairseq-preprocess "
            "or cline-fairseq encode again"
        ) from error
    expected, found = num_tokens * item_size, os.path.getsize(f"{path}.bin")
    if found < expected:
        raise InputError(
            f"{path}.bin is cut off: it has {found:,} of {expected:,} bytes; run "
            "fairseq-preprocess again"
        )
    return Header(num_lines, num_tokens)


def _read_index(path):
    """The number of lines, the number of tokens, and the bytes per token."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(LEGACY_HEADER.size)
        if start.startswith(IndexedDataset._HDR_MAGIC):
            _, version, code, item_size, lines, dimensions = LEGACY_HEADER.unpack(start)
            if (version, item_size, dimensions) != (_VERSION, ITEM_SIZES[code], lines):
                raise ValueError("the header of the index is damaged")
            offsets = LEGACY_HEADER.size + 8 * (lines + 1)  # where the offsets of the data start
            _require_size(size, offsets + 8 * (lines + 1 + dimensions))
            file.seek(offsets + 8 * lines)
            return lines, *struct.unpack("<q", file.read(8)), item_size
        if not start.startswith(MMapIndexedDataset.Index._HDR_MAGIC):
            raise ValueError("the index has a format that fairseq-preprocess does not write")
        _, version, code, lines = MMAP_HEADER.unpack_from(start)
        if version != _VERSION:
            raise ValueError("the header of the index is damaged")
        item_size, pointers = ITEM_SIZES[code], MMAP_HEADER.size + 4 * lines
        _require_size(size, pointers + 8 * lines)
        if not lines:
            return 0, 0, item_size
        file.seek(pointers - 4)
        (last,) = struct.unpack("<i", file.read(4))
        file.seek(pointers + 8 * (lines - 1))
        (pointer,) = struct.unpack("<q", file.read(8))
        return lines, pointer // item_size + last, item_size


def _require_size(found, expected):
    if found < expected:
        raise ValueError(f"the index has {found:,} of {expected:,} bytes")


class MappedIndexedDataset(IndexedDataset):
    """Reads lines written with ``--dataset-impl lazy`` or ``cached`` through a memory map.

    fairseq reads them through a file position, which the workers of the data loader would share, or
    from a cache, which has to be filled with the lines of an epoch before it starts.

    Args:
        path: of the text, without .bin and .idx.
    """

    def __init__(self, path: str):
        super().__init__(path, fix_lua_indexing=True)
        self._tokens = np.memmap(f"{path}.bin", self.dtype, mode="r")

    def __reduce__(self):
        return type(self), (self.path,)

    def __getitem__(self, index: int) -> torch.Tensor:
        start = self.data_offsets[index]
        tokens = self._tokens[start : start + self.sizes[index]].astype(np.int64)
        return torch.from_numpy(
            tokens - 1
        )  # ids start at 1 in this format, which comes from Torch 7
