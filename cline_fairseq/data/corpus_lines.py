"""The lines of a binarized corpus: loading them, and cutting them to the length of a block."""

from pathlib import Path
from typing import Any

import numpy as np
from fairseq.data import BaseWrapperDataset, ConcatDataset, Dictionary, data_utils
from fairseq.data.indexed_dataset import IndexedDataset

from ..dictionary import PlainDictionary
from ..errors import InputError
from .binarized import MappedIndexedDataset, read_headers
from .index_files import require_indexes

_LINES_TO_CHECK = 1000
_GROUP = 16  # lines for which the number of pieces is stored as one sum


def load_dictionary(path: str) -> Dictionary:
    """Load fairseq's dictionary, with one type of error for all faults of the file.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is damaged.
    """
    PlainDictionary(Path(path))
    return Dictionary.load(path)


def load_lines(path: str, dictionary: Dictionary, combine: bool = False) -> Any:
    """Load a binarized text.

    Args:
        path: of the text, without .bin and .idx.
        dictionary: that it was binarized with.
        combine: whether to include its further parts (train1, train2, ... for train).

    Returns:
        The dataset of its lines.

    Raises:
        MissingFileError: if there is no such text.
        InputError: if it is damaged, empty or was binarized with another dictionary.
    """
    headers = read_headers(path, combine)
    if headers and not sum(header.num_tokens for header in headers):
        raise _no_text(path)
    if headers:
        require_indexes(path, combine)
    try:
        lines = data_utils.load_indexed_dataset(path, dictionary, combine=combine)
    except (OSError, ValueError, AssertionError) as error:
        raise InputError(
            f"{path}.bin and .idx cannot be read ({error}): run fairseq-preprocess again"
        ) from error
    if isinstance(lines, ConcatDataset):
        lines = ConcatDataset([_mapped(part) for part in lines.datasets])
    else:
        lines = _mapped(lines)
    if len(lines) == 0 or lines.sizes.max() < 2:
        raise _no_text(path)
    some = range(0, len(lines), -(-len(lines) // _LINES_TO_CHECK))
    greatest = max(int(lines[i].max()) for i in some if len(lines[i]))
    if greatest >= len(dictionary):
        raise InputError(
            f"{path}.bin holds the token {greatest}, but its dictionary has {len(dictionary):,} "
            "types: use the dict.txt that it was binarized with"
        )
    return lines


def require_text(path: str, dictionary: Dictionary, combine: bool = False) -> None:
    """Check that :func:`load_lines` will find text, usually by reading only the files' headers.

    Args:
        path: of the text, without .bin and .idx.
        dictionary: that it was binarized with.
        combine: whether to include its further parts (train1, train2, ... for train).

    Raises:
        MissingFileError: if there is no such text.
        InputError: if it is truncated or empty.
    """
    headers = read_headers(path, combine)
    # A blank line is </s> alone. Load the text only if it might consist of blank lines.
    if sum(h.num_tokens for h in headers) <= sum(h.num_lines for h in headers):
        load_lines(path, dictionary, combine)


def _no_text(path):
    return InputError(
        f"{path}.bin holds no text: preprocess a file that has at least one line with text"
    )


def _mapped(lines):
    return MappedIndexedDataset(lines.path) if isinstance(lines, IndexedDataset) else lines


def cut_lines(lines, max_length: int, min_length: int = 0) -> Any:
    """Cut lines that are longer than a block into pieces of equal length.

    Args:
        lines: dataset of lines of tokens.
        max_length: maximum length of a piece, in tokens.
        min_length: in tokens; shorter lines are left out (a blank line is ``</s>`` alone).

    Returns:
        ``lines`` itself if no line is cut or left out, else a :class:`CutLinesDataset`.
    """
    if isinstance(lines, ConcatDataset):  # it would join the sizes of its parts at each access
        return ConcatDataset([cut_lines(part, max_length, min_length) for part in lines.datasets])
    pieces = CutLinesDataset(lines, max_length, min_length)
    return pieces if pieces.num_cut or pieces.num_left_out else lines


class CutLinesDataset(BaseWrapperDataset):
    """The pieces of lines; see :func:`cut_lines`.

    To save memory, it stores only the number of pieces before each group of 16 lines (half a byte
    per line), and finds a piece again by the lengths of the lines in its group.

    Args:
        dataset: of lines of tokens.
        max_length: maximum length of a piece, in tokens.
        min_length: in tokens; shorter lines are left out.

    Attributes:
        num_cut: lines that were cut.
        num_left_out: lines that were left out.
    """

    def __init__(self, dataset, max_length: int, min_length: int = 0):
        super().__init__(dataset)
        self._max_length, self._min_length = max_length, min_length
        counts = self._count(np.asarray(dataset.sizes))
        self.num_cut = int(np.count_nonzero(counts > 1))
        self.num_left_out = int(np.count_nonzero(counts == 0))
        in_groups = np.add.reduceat(counts, np.arange(0, len(counts), _GROUP), dtype=np.int64)
        self._first = np.concatenate([[0], np.cumsum(in_groups)])  # pieces before each group

    def _count(self, sizes):
        """The number of pieces of each line: int (N,)."""
        counts = np.maximum(-(-sizes // self._max_length), 1)
        return np.where(sizes < self._min_length, 0, counts)

    def _count_one(self, size):
        """The number of pieces of one line."""
        if size < self._min_length:
            return 0
        return -(-size // self._max_length) or 1

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(index)
        group = int(self._first.searchsorted(index, "right")) - 1
        first, end = self._first[group : group + 2].tolist()
        piece, start = int(index) - first, group * _GROUP
        # Plain numbers, which are faster than numpy for so few lines.
        sizes = self.dataset.sizes[start : start + _GROUP].tolist()
        if end - first == len(sizes) and not self._min_length:  # no line is cut
            return self.dataset[start + piece]
        line = 0
        while piece >= (count := self._count_one(sizes[line])):
            piece -= count
            line += 1
        length = -(-sizes[line] // count)
        return self.dataset[start + line][piece * length : (piece + 1) * length]

    def __len__(self) -> int:
        return int(self._first[-1])

    @property
    def sizes(self) -> np.ndarray:
        """int (pieces,), lengths of the pieces; computed at each access."""
        sizes = np.asarray(self.dataset.sizes)
        counts = self._count(sizes)
        line = np.repeat(np.arange(len(sizes)), counts)
        length = -(-sizes // np.maximum(counts, 1))[line]
        start = (np.arange(len(line)) - (np.cumsum(counts) - counts)[line]) * length
        return np.minimum(sizes[line] - start, length)

    def num_tokens(self, index: int) -> int:
        return len(self[index])

    def size(self, index: int) -> int:
        return len(self[index])
