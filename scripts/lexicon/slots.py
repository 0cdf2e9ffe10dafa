"""Vectors of the slots that lemmas fill in a corpus: the words right before and right after them.

Skip-gram vectors are alike for words of one topic. Slots are alike for words that can stand in the
same place: transitive verbs, nouns that are counted, adverbs that precede adjectives.
"""

from collections.abc import Iterable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from cline_fairseq.rewriting.tags import POS_OF_TAG

from .candidates import Lemma
from .skipgram import Tokens
from .vectors import Space, Vectors

MIN_COUNT = 20  # of a lemma with a vector
NEIGHBOURS = 4000  # words that are neighbours by themselves; others are by their tags
DIMENSIONS = 100


class Slots(Space):
    """Vectors of lemmas by the words next to them.

    The positive pointwise mutual information of lemmas and neighbours, reduced by a singular value
    decomposition.

    Args:
        tagged_words: the (word, Penn tag) pairs of a corpus.
        dimensions: of the vectors.
    """

    def __init__(self, tagged_words: Iterable[tuple[str, str]], dimensions: int = DIMENSIONS):
        token = Tokens()
        types: dict[tuple[str, str], int] = {}
        text = np.fromiter(
            (types.setdefault((word.lower(), tag), len(types)) for word, tag in tagged_words),
            np.int32,
        )
        names: dict[str, int] = {}
        lemma = np.array([names.setdefault(token(*pair), len(names)) for pair in types], np.int32)
        is_open = np.array([tag in POS_OF_TAG for _, tag in types])
        neighbour, num_neighbours = _neighbours(types, np.bincount(text, minlength=len(types)))

        lemmas, beside = lemma[text], neighbour[text]
        count = np.bincount(lemmas, minlength=len(names))
        some = np.zeros(len(names), bool)
        some[lemma[is_open]] = True
        some &= count >= MIN_COUNT
        kept = np.flatnonzero(some)
        kept = kept[np.argsort(-count[kept], kind="stable")]
        row = np.full(len(names), -1, np.int32)
        row[kept] = np.arange(len(kept), dtype=np.int32)

        rows = row[lemmas]
        inner = rows[1:-1] >= 0
        at = rows[1:-1][inner]
        both = np.concatenate([beside[:-2][inner], beside[2:][inner] + num_neighbours])
        found = coo_array(
            (np.ones(len(both), np.float32), (np.concatenate([at, at]), both)),
            shape=(len(kept), 2 * num_neighbours),
        ).tocsr()
        found.sum_duplicates()
        name_of = list(names)
        self._vectors = Vectors(
            [name_of[i] for i in kept], _reduce(_information(found), dimensions)
        )

    def of(self, lemma: Lemma) -> np.ndarray | None:
        """The vector of a word; those of phrases and rare words are missing."""
        return self._vectors.of([f"{lemma.text}_{lemma.pos}"])


def _neighbours(types, count):
    """The number of each type as a neighbour, and how many there are."""
    by_word: dict[str, int] = {}
    for (word, _), n in zip(types, count.tolist(), strict=True):
        by_word[word] = by_word.get(word, 0) + n
    frequent = sorted(by_word, key=lambda word: (-by_word[word], word))[:NEIGHBOURS]
    number = {word: i for i, word in enumerate(frequent)}
    tags = {tag: len(number) + i for i, tag in enumerate(sorted({tag for _, tag in types}))}
    beside = [number.get(word, tags[tag]) for word, tag in types]
    return np.array(beside, np.int32), len(number) + len(tags)


def _information(counts):
    """Positive pointwise mutual information; neighbours are smoothed to the power 0.75."""
    coo = counts.tocoo()
    row, column = coo.coords
    by_row, by_column = counts.sum(axis=1), counts.sum(axis=0) ** 0.75
    p_column = by_column / by_column.sum()
    information = np.log(coo.data / by_row[row] / p_column[column])
    return coo_array((np.maximum(information, 0), (row, column)), shape=coo.shape).tocsr()


def _reduce(matrix, dimensions):
    start = np.random.default_rng(0).random(min(matrix.shape))
    with threadpool_limits(1):
        left, values, _ = svds(matrix.astype(np.float64), k=dimensions, v0=start)
    # Half of the power of the values: the rarer traits count, too.
    return left * np.sqrt(values)
