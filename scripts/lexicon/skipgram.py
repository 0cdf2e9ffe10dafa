"""Skip-gram vectors of the lemmas of a tagged corpus (Mikolov et al. 2013), by gensim."""

import zlib
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import lemminflect
import numpy as np
from gensim.models import Word2Vec

from cline_fairseq.atomic_io import atomic_write
from cline_fairseq.errors import InputError
from cline_fairseq.rewriting.tags import POS_OF_TAG

SETTINGS = {
    "vector_size": 100,
    "window": 4,
    "min_count": 5,
    "sg": 1,
    "negative": 5,
    "sample": 1e-4,
    "epochs": 3,
    # One worker, so that the updates have one order: the same corpus gives the same vectors.
    "seed": 1,
    "workers": 1,
    "hashfxn": lambda text: zlib.crc32(text.encode()),
}


class Tokens:
    """The tokens that the vectors are of: ``mouse_NOUN`` for (mice, NNS), ``the`` for (the, O)."""

    def __init__(self):
        self._tokens = {}

    def __call__(self, word: str, tag: str) -> str:
        if (word, tag) not in self._tokens:
            pos, form = POS_OF_TAG.get(tag), word.lower()
            known = lemminflect.getAllLemmas(form, upos=pos).get(pos, ()) if pos else ()
            token = f"{known[0] if known else form}_{pos}" if pos else form
            self._tokens[word, tag] = token
        return self._tokens[word, tag]


def train(texts: Iterable[list[tuple[str, str]]], path: Path, **settings) -> None:
    """Train on texts of (word, tag) pairs, and write the vectors to an .npz file.

    The file holds ``names`` (a token a line, the most frequent first), ``count`` and ``vectors``.

    Raises:
        InputError: if no word is frequent enough to have a vector.
    """
    token = Tokens()
    sentences = [[token(word, tag) for word, tag in text] for text in texts]
    settings = SETTINGS | settings
    counts = Counter(chain.from_iterable(sentences))
    if max(counts.values(), default=0) < settings["min_count"]:
        raise InputError(
            f"no word of the tagged text occurs {settings['min_count']} times: use a longer text"
        )
    model = Word2Vec(sentences, **settings)
    names = model.wv.index_to_key
    with atomic_write(path) as part:
        np.savez_compressed(
            part,
            names=np.frombuffer("\n".join(names).encode(), np.uint8),
            count=np.array([model.wv.get_vecattr(name, "count") for name in names], np.int32),
            vectors=model.wv.vectors.astype(np.float16),
        )
