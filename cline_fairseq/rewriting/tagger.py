"""A part-of-speech tagger made of table look-ups.

A log-linear model over the features of a window of two words to each side. No feature looks at a
predicted tag, so all words of all texts are tagged at once. Each feature is hashed to a row of
one table of weights, a weight for every tag, and the tag of the greatest sum wins. The sums of
the features of single words are taken once for each word type (:meth:`Tagger.types`); what is
left for a running text are one gather of these sums, and one for every pair of words.

Weights are 8-bit integers and sums are exact, so a text has the same tags on every machine.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .hashing import hash_rows, mix
from .lexicon import UNREADABLE, resource_path
from .tags import TAGS
from .words import is_word

FORMAT = 1  # of the file; a file of another format is refused
WINDOW = 2  # words to each side
OFFSETS = range(-WINDOW, WINDOW + 1)
BOUNDARY = 0  # the word type that stands before and behind a text
_MAX_LENGTH = 24  # letters of a word that features see: the first and the last

# What is known of a word: columns of the attribute matrix.
_ATTRIBUTES = ("word", "form", "shape", *(f"suffix{n}" for n in (1, 2, 3, 4)), "prefix")
# Features of single words: (offset, attribute).
SINGLES = (
    *((0, name) for name in _ATTRIBUTES),
    *((o, name) for o in (-1, 1) for name in ("word", "suffix2", "suffix3", "shape")),
    *((o, name) for o in (-2, 2) for name in ("word", "suffix3", "shape")),
)
# Features of pairs of words: two (offset, attribute) each.
PAIRS = (
    ((-1, "word"), (0, "word")),
    ((0, "word"), (1, "word")),
    ((-1, "word"), (1, "word")),
    ((-2, "word"), (-1, "word")),
    ((1, "word"), (2, "word")),
    ((-1, "word"), (0, "suffix3")),
    ((0, "suffix3"), (1, "word")),
    ((-1, "suffix2"), (0, "suffix3")),
    ((0, "suffix3"), (1, "suffix2")),
    ((-1, "suffix2"), (1, "suffix2")),
    ((-1, "shape"), (0, "form")),
    ((0, "form"), (1, "shape")),
    ((-1, "shape"), (1, "shape")),
)
_PAIR_ATTRIBUTES = ("word", "suffix3", "suffix2", "shape", "form")  # columns of WordTypes.keys


class WordTypes(NamedTuple):
    """Word types as the tagger sees them; row :data:`BOUNDARY` is no word."""

    sums: np.ndarray  # int16 (V, 5, tags), scores that a type adds to the word at each offset
    keys: np.ndarray  # uint64 (V, 5), hashes for the features of pairs


class Tagger:
    """Assigns one of :data:`~cline_fairseq.rewriting.tags.TAGS` to each word of a text.

    Args:
        weights: int8 (rows, tags); the number of rows is a power of two.
    """

    def __init__(self, weights: np.ndarray):
        self.weights = weights

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
                weights, right = file["weights"], file["format"] == FORMAT
        except UNREADABLE as error:
            raise InputError(f"{path} is not a tagger ({error})") from error
        if not right or weights.dtype != np.int8 or weights.shape[1:] != (len(TAGS),):
            raise InputError(
                f"{path} holds no tagger of this version; train one with scripts/train_tagger.py"
            )
        return cls(weights)

    def save(self, path: Path) -> None:
        """Write the tagger to an .npz file."""
        np.savez_compressed(path, format=np.int32(FORMAT), weights=self.weights)

    def tag(self, words: list[str]) -> list[str]:
        """The tags of the words of one text."""
        names, ids = np.unique(np.array([*words, ""]), return_inverse=True)
        types = self.types(["", *names.tolist()])
        return [TAGS[tag] for tag in self.tag_ids(types, pad([ids[:-1] + 1]))[WINDOW:-WINDOW]]

    def types(self, words: list[str]) -> WordTypes:
        """The rows of word types; the empty word is the boundary."""
        rows, keys = feature_rows(words, len(self.weights))
        sums = np.zeros((len(words), len(OFFSETS), len(TAGS)), np.int16)
        for (offset, _), row in zip(SINGLES, rows.T, strict=True):
            sums[:, offset + WINDOW] += self.weights[row]
        return WordTypes(sums, keys)

    def tag_ids(self, types: WordTypes, ids: np.ndarray) -> np.ndarray:
        """Tag texts given as word types, one after the other with boundaries between them.

        Args:
            types: the rows of the word types.
            ids: int array (N,) as made by :func:`pad`.

        Returns:
            int array (N,), indices into TAGS; those of boundaries mean nothing.
        """
        n = len(ids) - 2 * WINDOW
        inner = np.zeros((n, len(TAGS)), np.int16)
        # take() on rows is several times faster than indexing with two arrays.
        sums = types.sums.reshape(-1, len(TAGS))
        first = ids * len(OFFSETS)
        for i in range(len(OFFSETS)):
            inner += sums.take(first[i : i + n] + i, axis=0)
        for row in pair_rows(types.keys, ids, len(self.weights)):
            inner += self.weights.take(row, axis=0)
        tags = np.zeros(len(ids), np.intp)
        tags[WINDOW : WINDOW + n] = inner.argmax(axis=1)
        return tags


def pad(texts: list[np.ndarray]) -> np.ndarray:
    """Join texts of word types, with boundaries before, between and behind them."""
    boundary = np.full(WINDOW, BOUNDARY)
    return np.concatenate([part for text in texts for part in (boundary, text)] + [boundary])


def feature_rows(words: list[str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The features of single words.

    Returns:
        rows: int (V, singles), the row of the table of weights for each feature.
        keys: uint64 (V, 5), the hashes that :func:`pair_rows` wants.
    """
    attributes = _attributes(words)
    rows = [_row(attributes[name], i, size) for i, (_, name) in enumerate(SINGLES)]
    return np.stack(rows, axis=1), np.stack([attributes[n] for n in _PAIR_ATTRIBUTES], axis=1)


def pair_rows(keys: np.ndarray, ids: np.ndarray, size: int) -> list[np.ndarray]:
    """The features of pairs: for each an int array (N - 4,) of rows of the table of weights."""
    columns = {
        name: keys[:, i].take(ids) for i, name in enumerate(_PAIR_ATTRIBUTES)
    }  # each gathered once, and read at several offsets
    n = len(ids) - 2 * WINDOW

    def at(offset, name):
        return columns[name][WINDOW + offset :][:n]

    return [
        # The two factors differ, so that the order of the words counts.
        _row(at(*left) * np.uint64(3) + (at(*right) >> np.uint64(1)), len(SINGLES) + i, size)
        for i, (left, right) in enumerate(PAIRS)
    ]


def _row(hashes, feature, size):
    """Rows of a table of 2**n rows from the high bits of one multiplication."""
    factor = mix(np.uint64(feature + 1)) | np.uint64(1)
    shift = np.uint64(64 - (size.bit_length() - 1))
    return ((hashes * factor) >> shift).astype(np.intp)


def _attributes(words: list[str]) -> dict[str, np.ndarray]:
    """The attributes of words, each uint64 (V,)."""
    half = _MAX_LENGTH // 2
    words = [w if len(w) <= _MAX_LENGTH else w[:half] + w[-half:] for w in words]
    form, _ = _letters(words)
    lower, lengths = _letters([w.lower() for w in words])
    ends = _suffixes(lower, lengths, 4)
    attributes = {
        "word": hash_rows(lower),
        "form": hash_rows(form, salt=1),
        "shape": mix(np.array([_shape(w) for w in words], np.uint64) + np.uint64(1)),
        "prefix": hash_rows(lower[:, :3], salt=2),
    }
    for n in (1, 2, 3, 4):
        attributes[f"suffix{n}"] = hash_rows(ends[:, :n], salt=2 + n)
    return attributes


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
