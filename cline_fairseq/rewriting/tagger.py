"""A part-of-speech tagger that is fast because it is made of table look-ups.

A small network over a window of two words to each side (the "window approach" of Collobert et
al. 2011, https://arxiv.org/abs/1103.0398). A word is the sum of the vectors of its features: the
word itself, its capitals, shape, prefix and suffixes, so that unseen words are recognised by their
endings. No feature depends on a predicted tag, so all words of all texts are tagged at once::

    v = sum of the vectors of the word's features     once per distinct word
    s[o] = v W[o], for each offset o of the window    once per distinct word
    h1 = relu(sum over o of s[o] of the word at o + b1)    a gather of five rows
    h2 = relu(h1 W2 + b2)
    tag = argmax(h2 W3 + b3)

All numbers are integers, and those in matrix products are small enough for float32 to represent
every sum exactly, so a text has the same tags on every machine.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import InputError
from .hashing import hash_rows
from .lexicon import UNREADABLE, resource_path
from .tags import TAGS
from .words import is_word

FORMAT = 2  # of the file; files of other formats are refused
WINDOW = 2  # words to each side
OFFSETS = range(-WINDOW, WINDOW + 1)
BOUNDARY = 0  # the id before and after each text
FEATURES = ("word", "capitals", "shape", "prefix", "suffix2", "suffix3", "suffix4")
MAX_ACTIVATION = 1023  # of h1 and h2: a sum over 64 units, times 127, still fits 24 bits
_MAX_SUM = 6000  # of s: five of them plus b1 fit an int16
_CHUNK = 4096  # words tagged at a time, so that their activations fit the cache
_MAX_LENGTH = 24  # of longer words, features see the first 12 and the last 12 letters
_DTYPES = {
    "features": np.uint32,
    "vectors": np.int8,
    "first": np.int16,
    "first_bias": np.int16,
    "second": np.int8,
    "second_bias": np.int32,
    "output": np.int8,
    "output_bias": np.int32,
    "shifts": np.int8,
}


class AnyTagger(Protocol):
    """The methods that the rewriter needs of a tagger."""

    def tag(self, words: list[str]) -> list[str]:
        """See :meth:`Tagger.tag`."""

    def word_features(self, words: list[str]) -> np.ndarray:
        """A row for each distinct word, for :meth:`tag_ids`."""

    def tag_ids(self, word_features: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """See :meth:`Tagger.tag_ids`."""


class Tagger:
    """Assigns one of :data:`~cline_fairseq.rewriting.tags.TAGS` to each word of a text.

    Args:
        parameters: arrays by name:

            * ``features``: uint32 (F,), sorted keys of the features that have a vector,
            * ``vectors``: int8 (F, D),
            * ``first``: int16 (5, D, H), ``first_bias``: int16 (H,),
            * ``second``: int8 (H, G), ``second_bias``: int32 (G,),
            * ``output``: int8 (G, tags), ``output_bias``: int32 (tags,),
            * ``shifts``: int8 (2,), how many bits to drop from s and from h2.
    """

    def __init__(self, parameters: dict[str, np.ndarray]):
        self.parameters = parameters
        self._features, self._vectors = parameters["features"], parameters["vectors"]
        offsets, width, hidden = parameters["first"].shape
        first = parameters["first"].transpose(1, 0, 2).reshape(width, offsets * hidden)
        scale1, scale2 = 2.0 ** -parameters["shifts"].astype(float)
        # Scaling by powers of two is exact. With half a unit added, floor rounds.
        self._first = first * scale1  # float64, since its sums need more than 24 bits
        self._second, self._second_bias, self._output, self._output_bias = (
            array.astype(np.float32)
            for array in (
                parameters["second"] * scale2,
                parameters["second_bias"] * scale2 + 0.5,
                parameters["output"],
                parameters["output_bias"],
            )
        )

    @classmethod
    def load(cls, name: str | Path = "en") -> "Tagger":
        """Load a tagger that is shipped with the package, or one from an .npz file.

        Args:
            name: of the shipped tagger, or the path of the file.

        Raises:
            MissingFileError: if there is no such tagger.
            InputError: if the file is not a tagger of this version.
        """
        path = resource_path(name, "tagger")
        try:
            with np.load(path, allow_pickle=False) as file:
                parameters = dict(file)
        except UNREADABLE as error:
            raise InputError(f"{path} is not a tagger ({error})") from error
        if parameters.pop("format", None) != FORMAT or not _fit(parameters):
            raise InputError(
                f"{path} is not a tagger of this version: train it again, or use the shipped one"
            )
        return cls(parameters)

    def save(self, path: Path) -> None:
        """Write the tagger to an .npz file."""
        arrays: dict[str, Any] = {"format": np.int32(FORMAT), **self.parameters}
        np.savez_compressed(path, **arrays)

    def tag(self, words: list[str]) -> list[str]:
        """Tag the words of one text."""
        names, ids = np.unique(np.array([*words, ""]), return_inverse=True)
        features = self.word_features(["", *names.tolist()])
        return [TAGS[tag] for tag in self.tag_ids(features, pad([ids[:-1] + 1]))[WINDOW:-WINDOW]]

    def word_features(self, words: list[str]) -> np.ndarray:
        """Compute what each distinct word adds to h1 at each offset.

        Args:
            words: V distinct words. The empty word is the boundary.

        Returns:
            int16 (V, 5, H).
        """
        keys = feature_keys(words)
        at = np.searchsorted(self._features, keys)
        known = np.append(self._features, np.uint32(0))[at] == keys
        vectors = np.zeros((len(words), self._vectors.shape[1]), np.int16)
        for column, is_known in zip(at.T, known.T, strict=True):
            vectors[is_known] += self._vectors[column[is_known]]
        sums = np.floor(vectors.astype(np.float64) @ self._first + 0.5)
        sums = np.clip(sums, -_MAX_SUM, _MAX_SUM).astype(np.int16)
        return sums.reshape(len(words), len(OFFSETS), -1)

    def tag_ids(self, word_features: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Tag texts that are given as ids of words, one text after the other.

        Args:
            word_features: int16 (V, 5, H) from :meth:`word_features`; row 0 is the boundary.
            ids: int (N,), rows of ``word_features``, as :func:`pad` makes them.

        Returns:
            int (N,), indices into TAGS; ignore those of boundaries.
        """
        tags = np.zeros(len(ids), np.intp)
        for start in range(0, len(ids) - 2 * WINDOW, _CHUNK):
            piece = ids[start : start + _CHUNK + 2 * WINDOW]
            scores = self._scores(word_features, piece)
            tags[start + WINDOW :][: len(scores)] = scores.argmax(axis=1)
        return tags

    def _scores(self, word_features, ids):
        """The scores of a piece of text: float32 (N - 4, tags), whole numbers."""
        n = len(ids) - 2 * WINDOW
        # take() on rows is several times faster than indexing with two arrays.
        rows = word_features.reshape(-1, word_features.shape[2])
        first = ids * len(OFFSETS)
        h1 = rows.take(first[:n], axis=0)
        for i in range(1, len(OFFSETS)):
            h1 += rows.take(first[i : i + n] + i, axis=0)
        h1 += self.parameters["first_bias"]
        h2 = np.clip(h1, 0, MAX_ACTIVATION, out=h1).astype(np.float32) @ self._second
        h2 += self._second_bias
        np.clip(np.floor(h2, out=h2), 0, MAX_ACTIVATION, out=h2)
        scores = h2 @ self._output
        scores += self._output_bias
        return scores


def _fit(parameters):
    """Whether parameters have the right names, dtypes and shapes."""
    if {name: array.dtype for name, array in parameters.items()} != _DTYPES:
        return False
    shape = {name: array.shape for name, array in parameters.items()}
    count, width = (*shape["vectors"], 0)[:2]
    hidden, top = (*shape["second"], 0)[:2]
    return shape == {
        "features": (count,),
        "vectors": (count, width),
        "first": (len(OFFSETS), width, hidden),
        "first_bias": (hidden,),
        "second": (hidden, top),
        "second_bias": (top,),
        "output": (top, len(TAGS)),
        "output_bias": (len(TAGS),),
        "shifts": (2,),
    }


def pad(texts: list[np.ndarray]) -> np.ndarray:
    """Join texts of word ids, with boundaries before, between and after them."""
    boundary = np.full(WINDOW, BOUNDARY)
    return np.concatenate([part for text in texts for part in (boundary, text)] + [boundary])


def feature_keys(words: list[str]) -> np.ndarray:
    """Hash the features of words: uint32 (V, features), in the order of FEATURES."""
    half = _MAX_LENGTH // 2
    words = [w if len(w) <= _MAX_LENGTH else w[:half] + w[-half:] for w in words]
    capitals, _ = _letters([w if w != w.lower() else "" for w in words])
    lower, lengths = _letters([w.lower() for w in words])
    ends = _suffixes(lower, lengths, 4)
    columns = {
        "word": lower,
        "capitals": capitals,
        "shape": np.array([[_shape(w) + 1] for w in words]),
        "prefix": lower[:, :3],
        **{f"suffix{n}": ends[:, :n] for n in (2, 3, 4)},
    }
    hashes = [hash_rows(columns[name], salt=i) for i, name in enumerate(FEATURES)]
    return (np.stack(hashes, axis=1) >> np.uint64(32)).astype(np.uint32)


def _letters(words):
    """Code points (V, L), with zeros after the words, and the lengths (V,)."""
    array = np.array(words)
    letters = array.view(np.uint32).reshape(len(words), -1)
    return letters, np.count_nonzero(letters, axis=1)


def _suffixes(letters, lengths, n):
    """The last ``n`` letters of each word from the last one backwards, (V, n), zeros if shorter."""
    at = lengths[:, None] - 1 - np.arange(n)
    last = np.take_along_axis(letters, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, last, 0)


def _shape(word):
    """Bits: initial capital, capitals inside, digit, hyphen, apostrophe, letter or digit at all."""
    rest = word[1:]
    return (
        word[:1].isupper()
        | (rest != rest.lower()) << 1
        | any(map(str.isdigit, word)) << 2
        | ("-" in rest) << 3
        | ("'" in rest or "’" in rest) << 4
        | is_word(word) << 5
        | min(len(word), 3) << 6
    )
