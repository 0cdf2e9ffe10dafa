"""Synonym and antonym views of a text, without supervision. Needs numpy only."""

from .kinds import Kind
from .lexicon import Lexicon
from .rewriter import Rewriter, Rewritten
from .tagger import Tagger
from .words import split_words

__all__ = ["Kind", "Lexicon", "Rewriter", "Rewritten", "Tagger", "split_words"]
