"""What the model of acceptance knows of words and their candidates."""

from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .candidates import NEAR, Lemma, Link, Links, Relation, WordNet
from .slots import Slots
from .vectors import GloVe, SkipGram

_POS = ("NOUN", "VERB", "ADJ", "ADV")
_NO_LINK = Link(0.0, 0.0, 0.0, 0.0)
_LEAST = 1e-4  # of probabilities, before their logarithm is taken


class Resources(NamedTuple):
    """Where the features come from."""

    wordnet: WordNet
    glove: GloVe
    skipgram: SkipGram
    slots: Slots


class Table(NamedTuple):
    """The candidates of words, a row each, word by word."""

    rows: dict[Lemma, slice]  # of a word
    candidates: list[Lemma]
    features: np.ndarray  # float (rows, features)
    names: tuple[str, ...]  # of the features

    def words(self) -> list[Lemma]:
        """The word of each row."""
        return [word for word, part in self.rows.items() for _ in range(part.stop - part.start)]

    def column(self, name: str) -> np.ndarray:
        """A feature of all rows."""
        return self.features[:, self.names.index(name)]

    def has(self, relation: Relation) -> np.ndarray:
        """Whether a relation leads to a candidate: bool (rows,)."""
        return self.column(f"{relation.name.lower()}_there") > np.log(_LEAST)

    def scores(self, word: Lemma, scores: np.ndarray) -> dict[Lemma, float]:
        """Those of the candidates of a word, from scores of all rows."""
        part = self.rows[word]
        return dict(zip(self.candidates[part], scores[part].tolist(), strict=True))


def make_table(links: Links, resources: Resources, relations: tuple[Relation, ...] = NEAR) -> Table:
    """The candidates that some relations lead to, with their features; sorted for each word."""
    rows, candidates, found = {}, [], []
    for word, them in tqdm(links.items(), desc="features", unit="word"):
        some = sorted({c for relation, c in them if relation in relations})
        rows[word] = slice(len(candidates), len(candidates) + len(some))
        candidates += some
        found += [[them.get((r, c), _NO_LINK) for r in relations] for c in some]
    words = [word for word, part in rows.items() for _ in range(part.stop - part.start)]
    columns = {
        **_of_links(np.array(found).reshape(len(found), len(relations), -1), relations),
        **_of_lemmas(words, candidates, resources),
        "prefix": np.array(list(map(_common_prefix, words, candidates))),
    }
    for name in ("both_ways", "glove", "skipgram", "slots"):
        columns[f"{name}_below_best"] = _below_best(columns[name], rows)
    table = np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1)
    return Table(rows, candidates, table, tuple(columns))


def _of_links(links, relations):
    """``links`` is float (rows, relations, fields of Link)."""
    columns = {
        f"{relation.name.lower()}_{name}": _log(links[:, i, j])
        for i, relation in enumerate(relations)
        for j, name in enumerate(Link._fields[:3])
    }
    _, there, back, _ = links.sum(axis=1).T
    columns |= {"there": _log(there), "back": _log(back), "both_ways": _log(there) + _log(back)}
    columns["frames"] = links[:, :, 3].max(axis=1)
    return columns


def _of_lemmas(words, candidates, resources):
    wordnet, glove, skipgram, slots = resources
    lemmas = sorted({*words, *candidates})
    number = {lemma: i for i, lemma in enumerate(lemmas)}
    word, candidate = (np.array([number[lemma] for lemma in some]) for some in (words, candidates))
    senses, rank, count = (
        np.log1p([f(lemma) for lemma in lemmas])
        for f in (lambda x: len(wordnet.probabilities(x)), glove.rank, skipgram.count)
    )
    cosines = [_cosines(space.table(lemmas), word, candidate) for space in (glove, skipgram, slots)]
    return {
        "glove": cosines[0],
        "skipgram": cosines[1],
        "slots": cosines[2],
        "cosine": (cosines[0] + cosines[1]) / 2,
        "senses": senses[word],
        "candidate_senses": senses[candidate],
        "rank": rank[word],
        "candidate_rank": rank[candidate],
        "count": count[word],
        "candidate_count": count[candidate],
        "words": np.array([lemma.text.count(" ") + 1 for lemma in lemmas])[candidate],
        "hyphens": np.array([lemma.text.count("-") for lemma in lemmas])[candidate],
        **{pos.lower(): np.array([lemma.pos == pos for lemma in lemmas])[word] for pos in _POS},
    }


def _cosines(vectors, a, b, chunk=1 << 16):
    """Cosines of unit vectors, NaN where one is missing."""
    return np.concatenate(
        [
            np.einsum("nd,nd->n", vectors[a[i : i + chunk]], vectors[b[i : i + chunk]])
            for i in range(0, len(a), chunk)
        ]
    )


def _below_best(column, rows):
    """How far a value is below the best candidate of the word."""
    below = np.full(len(column), np.nan)
    for part in rows.values():
        if part.stop > part.start:
            below[part] = column[part] - np.fmax.reduce(column[part])
    return below


def _log(probabilities):
    return np.log(np.maximum(probabilities, _LEAST))


def _common_prefix(a, b):
    """Its length, as a part of the longer word."""
    pairs = zip(a.text, b.text, strict=False)
    shorter = min(len(a.text), len(b.text))
    return next((i for i, (x, y) in enumerate(pairs) if x != y), shorter) / max(
        len(a.text), len(b.text)
    )
