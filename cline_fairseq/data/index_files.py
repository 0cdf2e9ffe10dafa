"""Does the index of a binarized text describe lines that follow each other?"""

import numpy as np
from fairseq.data.indexed_dataset import IndexedDataset

from ..errors import InputError
from .binarized import ITEM_SIZES, LEGACY_HEADER, MMAP_HEADER, parts_of

_CHUNK = 1 << 20  # lines at a time


def require_indexes(path: str, combine: bool = False) -> None:
    """Make sure that each line begins where the one before it ends.

    An index in which a number has changed would be read all the same, as another text. This reads
    the whole index.

    Args:
        path: as in :func:`.binarized.read_headers`, which must have found sound headers.
        combine: include the further parts.

    Raises:
        InputError: if an index is damaged.
    """
    for part in parts_of(path, combine):
        if not all(_follow(*arrays) for arrays in _sizes_and_starts(f"{part}.idx")):
            raise InputError(
                f"{part}.idx is damaged, its lines do not follow each other: run "
                "fairseq-preprocess or cline-fairseq encode again"
            )


def _sizes_and_starts(path):
    """What an index holds: sizes of items, where each begins, and the unit of the latter."""
    with open(path, "rb") as file:
        header = file.read(LEGACY_HEADER.size)
    if header.startswith(IndexedDataset._HDR_MAGIC):
        *_, lines, dimensions = LEGACY_HEADER.unpack(header)
        # First of dimensions, of which a line has one, then of tokens; with an end each.
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
