"""Checks that the index of a binarized text is consistent."""

import numpy as np
from fairseq.data.indexed_dataset import IndexedDataset

from ..errors import InputError
from .binarized import ITEM_SIZES, LEGACY_HEADER, MMAP_HEADER, parts_of

_CHUNK = 1 << 20  # lines to check at a time


def require_indexes(path: str, combine: bool = False) -> None:
    """Check that each line starts where the previous one ends.

    Without this check, an index with a changed number would be read as another text. The whole
    index is read.

    Args:
        path: of the text, without .bin and .idx. Its headers must be sound; see
            :func:`.binarized.read_headers`.
        combine: whether to include its further parts (train1, train2, ... for train).

    Raises:
        InputError: if an index is damaged.
    """
    for part in parts_of(path, combine):
        if not all(_follow(*arrays) for arrays in _sizes_and_starts(f"{part}.idx")):
            raise InputError(
                f"{part}.idx is damaged (its lines overlap or have gaps): run "
                "fairseq-preprocess or cline-fairseq encode again"
            )


def _sizes_and_starts(path):
    """The sizes of the items of an index, where each one starts, and the unit of these offsets."""
    with open(path, "rb") as file:
        header = file.read(LEGACY_HEADER.size)
    if header.startswith(IndexedDataset._HDR_MAGIC):
        *_, lines, dimensions = LEGACY_HEADER.unpack(header)
        # First the starts of dimensions, one for each line, then those of tokens; with an end each.
        starts = np.memmap(path, np.int64, "r", LEGACY_HEADER.size, (2, lines + 1))
        after = LEGACY_HEADER.size + starts.nbytes
        sizes = np.memmap(path, np.int64, "r", after, (dimensions,))
        yield np.ones(lines, np.int8), starts[0], 1
        yield sizes, starts[1], 1
        return
    _, _, code, lines = MMAP_HEADER.unpack_from(header)
    if lines:
        sizes = np.memmap(path, np.int32, "r", MMAP_HEADER.size, (lines,))
        starts = np.memmap(path, np.int64, "r", MMAP_HEADER.size + sizes.nbytes, (lines,))
        yield sizes, starts, ITEM_SIZES[code]


def _follow(sizes, starts, unit):
    place = 0
    for first in range(0, len(sizes), _CHUNK):
        chunk = sizes[first : first + _CHUNK].astype(np.int64)
        ends = place + np.cumsum(chunk) * unit
        begins = starts[first : first + len(chunk)]
        if (chunk < 0).any() or (begins != ends - chunk * unit).any():
            return False
        place = int(ends[-1])
    return bool((starts[len(sizes) :] == place).all())
