"""From texts, or pairs of texts, to the rows of indices that a model reads."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from .errors import InputError
from .tokenizer import Tokenizer

Text = str | tuple[str, str]

WINDOW = 10_000  # texts that are encoded and sorted by length at a time


class TextRows:
    """Encodes texts as the task of a model does, and truncates them at its positions.

    Args:
        tokenizer: a tokenizer with the model's dictionary.
        begin: index of the symbol before a text; None for no such symbol.
        separator: index of the symbol before the second text of a pair; None for no such symbol.
        max_positions: maximum number of tokens in a row.
    """

    def __init__(
        self, tokenizer: Tokenizer, begin: int | None, separator: int | None, max_positions: int
    ):
        self._tokenizer, self._max_positions = tokenizer, max_positions
        self._begin = np.array([] if begin is None else [begin], np.int64)
        self._separator = np.array([] if separator is None else [separator], np.int64)

    def encode(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """The row of each text, int64 (tokens,).

        Raises:
            InputError: if a text is not valid Unicode.
        """
        require_texts(texts)
        return [self._join(*parts) for parts in self._parts(texts)]

    def is_truncated(self, texts: Sequence[Text]) -> np.ndarray:
        """Whether each text is longer than its row, bool (N,)."""
        require_texts(texts)
        windows = (texts[start : start + WINDOW] for start in range(0, len(texts), WINDOW))
        parts = chain.from_iterable(map(self._parts, windows))
        return np.array([self._excess(*pair) > 0 for pair in parts], bool)

    def _parts(self, texts):
        """The indices of each text, or of both texts of a pair."""
        pairs = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        lines = [_as_line(part) for pair in pairs for part in pair]
        if not lines:
            return []
        data, sizes, _ = self._tokenizer.index(lines)
        parts = iter(np.split(data, np.cumsum(sizes)[:-1]))
        return [tuple(next(parts) for _ in pair) for pair in pairs]

    def _excess(self, first, second=None):
        """The number of tokens that exceed the model's positions."""
        size = len(self._begin) + len(first)
        if second is not None:
            size += len(self._separator) + len(second)
        return size - self._max_positions

    def _join(self, first, second=None):
        excess = self._excess(first, second)
        if second is None:
            return np.concatenate([self._begin, first])[: self._max_positions]
        if excess > 0:
            first, second = _cut_pair(first, second, excess)
        return np.concatenate([self._begin, first, self._separator, second])


def require_texts(texts: Sequence[Text]) -> None:
    """Check all texts before working on the first one.

    Raises:
        InputError: if a text is not valid Unicode.
    """
    if isinstance(texts, str):
        raise TypeError("expected a list of texts, not a single text")
    for i, pair in enumerate(texts):
        for text in (pair,) if isinstance(pair, str) else pair:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"text {i + 1} is not valid Unicode ({error.reason}): convert it to UTF-8"
                ) from error


def _as_line(text):
    """The text as it would be read from a line of a file."""
    return text.replace("\r\n", " ").replace("\n", " ").strip()


def _cut_pair(first, second, excess):
    """Remove ``excess`` tokens from two texts, the longer one first; keep each ``</s>``."""
    sizes = [len(first), len(second)]
    difference = abs(sizes[0] - sizes[1])
    longer = int(sizes[1] > sizes[0])
    cut = [0, 0]
    cut[longer] = min(excess, difference)
    rest = excess - cut[longer]
    cut[longer] += rest // 2
    cut[1 - longer] += rest - rest // 2
    return tuple(
        np.append(part[: len(part) - size - 1], part[-1]) if size else part
        for part, size in zip((first, second), cut, strict=True)
    )
