"""Lines of the binarized corpus: loaded with care, and cut so that each fits into a block."""

import os

import numpy as np
from fairseq.data import BaseWrapperDataset, ConcatDataset, Dictionary, data_utils
from fairseq.data.indexed_dataset import MMapIndexedDataset

from ..errors import InputError, MissingFileError

_LINES_LOOKED_AT = 1000


def load_lines(path: str, dictionary: Dictionary, combine: bool = False):
    """Load a binarized text, and with ``combine`` its further parts (train, train1, ...).

    Raises:
        MissingFileError: if there is none.
        InputError: if it is cut off, has no text or was made with another dictionary.
    """
    try:
        lines = data_utils.load_indexed_dataset(path, dictionary, combine=combine)
    except (OSError, ValueError, AssertionError) as error:
        raise InputError(
            f"{path}.bin and .idx cannot be read ({error}): run fairseq-preprocess again"
        ) from error
    if lines is None:
        raise MissingFileError(
            f"no binarized text {path}.bin: give the folder that fairseq-preprocess wrote, and "
            "the names of its splits (--train-subset, --valid-subset)"
        )
    parts = lines.datasets if isinstance(lines, ConcatDataset) else [lines]
    for i, part in enumerate(parts):
        if isinstance(part, MMapIndexedDataset):
            _check_complete(part, f"{path}{i or ''}.bin")
    if len(lines) == 0 or lines.sizes.max() < 2:
        raise InputError(f"{path}.bin holds no text: preprocess a file with at least one line")
    some = range(0, len(lines), -(-len(lines) // _LINES_LOOKED_AT))
    greatest = max(int(lines[i].max()) for i in some if len(lines[i]))
    if greatest >= len(dictionary):
        raise InputError(
            f"{path}.bin holds the token {greatest}, but its dictionary has {len(dictionary):,} "
            "types: give the dict.txt that it was made with"
        )
    return lines


def _check_complete(dataset, path):
    index = dataset._index  # fairseq has no public way to the size of a token
    expected = int(dataset.sizes.sum(dtype=np.int64)) * np.dtype(index.dtype).itemsize
    found = os.path.getsize(path)
    if found < expected:
        raise InputError(
            f"{path} is cut off: it has {found:,} of {expected:,} bytes; run fairseq-preprocess "
            "again"
        )


class CutLinesDataset(BaseWrapperDataset):
    """Cuts lines that are longer than a block into even pieces, so that nothing is lost.

    Args:
        dataset: lines of tokens.
        max_length: of a piece, in tokens.
        min_length: shorter lines are left out (a blank line is its ``</s>`` alone).
    """

    def __init__(self, dataset, max_length: int, min_length: int = 0):
        super().__init__(dataset)
        sizes = np.asarray(dataset.sizes, np.int64)
        pieces = np.where(sizes < min_length, 0, np.maximum(-(-sizes // max_length), 1))
        self._line = np.repeat(np.arange(len(sizes)), pieces)
        first = np.cumsum(pieces) - pieces
        length = -(-sizes // np.maximum(pieces, 1))[self._line]
        self._start = (np.arange(len(self._line)) - first[self._line]) * length
        self._sizes = np.minimum(sizes[self._line] - self._start, length)

    def __getitem__(self, index):
        start = self._start[index]
        return self.dataset[self._line[index]][start : start + self._sizes[index]]

    def __len__(self):
        return len(self._line)

    @property
    def sizes(self):
        return self._sizes

    def num_tokens(self, index):
        return self._sizes[index]

    def size(self, index):
        return self._sizes[index]
