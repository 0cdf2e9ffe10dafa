"""A part-of-speech tagger that is fast because it is made of table look-ups.

A small network over a window of two words to each side (the "window approach" of Collobert et
al. 2011, https://arxiv.org/abs/1103.0398). A word is the sum of the vectors of its features: the
word itself, its capitals, shape, prefix and suffixes, so that unseen words are known by their
endings. No feature looks at a predicted tag, so all words of all texts are tagged at once::

    v = sum of the vectors of the features of a word              once for each word type
    s[o] = v W[o]                for each offset o of the window  once for each word type
    h1 = relu(sum of s[o] of the words at the offsets + b1)       a gather of five rows
    h2 = relu(h1 W2 + b2)
    tag = argmax(h2 W3 + b3)

All of it is integers, those in matrix products small enough for float32 to hold every sum exactly,
so a text has the same tags on every machine.
"""

from pathlib import Path

import numpy as np

from ..errors import InputError
from .hashing import hash_rows
from .lexicon import UNREADABLE, resource_path
from .tags import TAGS
from .words import is_word

FORMAT = 2  # of the file; a file of another format is refused
WINDOW = 2  # words to each side
OFFSETS = range(-WINDOW, WINDOW + 1)
BOUNDARY = 0  # the word type that stands before and behind a text
FEATURES = ("word", "capitals", "shape", "prefix", "suffix2", "suffix3", "suffix4")
MAX_ACTIVATION = 1023  # of h1 and h2: times 127 and 64 units, a sum still fits 24 bits
_MAX_SUM = 6000  # of s: five of them and b1 fit an int16
_CHUNK = 4096  # words tagged at a time, whose activations fit the cache
_MAX_LENGTH = 24  # letters of a word that features see: the first and the last
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


class Tagger:
    """Assigns one of :data:`~cline_fairseq.rewriting.tags.TAGS` to each word of a text.

    Args:
        parameters: by name,

            * ``features``: uint32 (F,), sorted keys of the features that have a vector,
            * ``vectors``: int8 (F, D),
            * ``first``: int16 (5, D, H), ``first_bias``: int16 (H,),
            * ``second``: int8 (H, G), ``second_bias``: int32 (G,),
            * ``output``: int8 (G, tags), ``output_bias``: int32 (tags,),
            * ``shifts``: int8 (2,), bits to drop from s and from h2.
    """

    def __init__(self, parameters: dict[str, np.ndarray]):
        self.parameters = parameters
        self._features, self._vectors = parameters["features"], parameters["vectors"]
        offsets, width, hidden = parameters["first"].shape
        first = parameters["first"].transpose(1, 0, 2).reshape(width, offsets * hidden)
        scale1, scale2 = 2.0 ** -parameters["shifts"].astype(float)
        # Powers of two change no digit of a sum; half a unit makes rounding of floor.
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
        """Load the tagger of a language shipped with the package, or one from an .npz file.

        Raises:
            MissingFileError: if there is none.
            InputError: if the file holds no tagger of this version.
        """
        path = resource_path(name, "tagger")
        try:
            with np.load(path, allow_pickle=False) as file:
                parameters = dict(file)
        except UNREADABLE as error:
            raise InputError(f"{path} is not a tagger ({error})") from error
        if parameters.pop("format", None) != FORMAT or not _fit(parameters):
            raise InputError(
                f"{path} holds no tagger of this version: train one again, or use the shipped one"
            )
        return cls(parameters)

    def save(self, path: Path) -> None:
        """Write the tagger to an .npz file."""
        np.savez_compressed(path, format=np.int32(FORMAT), **self.parameters)

    def tag(self, words: list[str]) -> list[str]:
        """The tags of the words of one text."""
        names, ids = np.unique(np.array([*words, ""]), return_inverse=True)
        types = self.types(["", *names.tolist()])
        return [TAGS[tag] for tag in self.tag_ids(types, pad([ids[:-1] + 1]))[WINDOW:-WINDOW]]

    def types(self, words: list[str]) -> np.ndarray:
        """What words add to h1 at each offset: int16 (V, 5, H). The empty word is the boundary."""
        keys = feature_keys(words)
        at = np.searchsorted(self._features, keys)
        known = np.append(self._features, np.uint32(0))[at] == keys
        vectors = np.zeros((len(words), self._vectors.shape[1]), np.int16)
        for column, is_known in zip(at.T, known.T, strict=True):
            vectors[is_known] += self._vectors[column[is_known]]
        sums = np.floor(vectors.astype(np.float64) @ self._first + 0.5)
        sums = np.clip(sums, -_MAX_SUM, _MAX_SUM).astype(np.int16)
        return sums.reshape(len(words), len(OFFSETS), -1)

    def tag_ids(self, types: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Tag texts given as word types, one after the other with boundaries between them.

        Args:
            types: the rows of the word types.
            ids: int array (N,) as made by :func:`pad`.

        Returns:
            int array (N,), indices into TAGS; those of boundaries mean nothing.
        """
        tags = np.zeros(len(ids), np.intp)
        for start in range(0, len(ids) - 2 * WINDOW, _CHUNK):
            piece = ids[start : start + _CHUNK + 2 * WINDOW]
            scores = self._scores(types, piece)
            tags[start + WINDOW :][: len(scores)] = scores.argmax(axis=1)
        return tags

    def _scores(self, types, ids):
        """The scores (N - 4, tags) of a piece of text: integers as floats."""
        n = len(ids) - 2 * WINDOW
        # take() on rows is several times faster than indexing with two arrays.
        rows = types.reshape(-1, types.shape[2])
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
    """Whether parameters have the right names, types and shapes."""
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
    """Join texts of word types, with boundaries before, between and behind them."""
    boundary = np.full(WINDOW, BOUNDARY)
    return np.concatenate([part for text in texts for part in (boundary, text)] + [boundary])


def feature_keys(words: list[str]) -> np.ndarray:
    """The keys of the features of words: uint32 (V, features), in the order of FEATURES."""
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
    """Code points (V, L), zeros behind the words, and the lengths (V,)."""
    array = np.array(words)
    letters = array.view(np.uint32).reshape(len(words), -1)
    return letters, np.count_nonzero(letters, axis=1)


def _suffixes(letters, lengths, n):
    """The last ``n`` letters of each word from the last one on, zeros before its start."""
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
