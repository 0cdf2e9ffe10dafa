"""Lines of the binarized corpus, cut so that each fits into a block."""

import numpy as np
from fairseq.data import BaseWrapperDataset


class CutLinesDataset(BaseWrapperDataset):
    """Cuts lines that are longer than a block into pieces, so that nothing is lost.

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
        self._start = (np.arange(len(self._line)) - first[self._line]) * max_length
        self._sizes = np.minimum(sizes[self._line] - self._start, max_length)

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
