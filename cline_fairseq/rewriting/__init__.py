"""Synonym and antonym views of a text, without supervision. Needs numpy only.

:class:`Rewriter` rewrites lists of words, and :class:`.blocks.BlockRewriter` blocks of subword ids,
which data loaders have. Both leave the choice of replacements to :class:`.engine.Engine`.
"""

from .kinds import Kind
from .lexicon import Lexicon
from .rewriter import Rewriter, Rewritten
from .tagger import Tagger
from .words import split_words, word_spans

__all__ = ["Kind", "Lexicon", "Rewriter", "Rewritten", "Tagger", "split_words", "word_spans"]
