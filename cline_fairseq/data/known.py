"""Does a binarized corpus fit its dictionary and tokenizer?"""

import numpy as np
from fairseq.data import Dictionary
from omegaconf import DictConfig

from ..dictionary import require_known
from .vocabulary import load_tokenizer

_LINES = 1000  # to look at, spread over the corpus
_TOKENS = 512  # of a line


def require_known_lines(
    lines, dictionary: Dictionary, config: DictConfig | dict | None, allowed: float, path: str
) -> None:
    """Make sure that the dictionary has the pieces that the tokenizer makes of a corpus.

    The text is gone: what is left are its symbols, and ``<unk>`` where the dictionary lacks one.
    So some lines are written as text again, and encoded with the tokenizer. That finds a
    dictionary of another tokenizer whose symbols all happen to be pieces of this one, as those of
    a small vocabulary are of a larger one. An ``<unk>`` may stand for letters that the tokenizer
    does not know, or for a piece; it counts as a piece, unless the dictionary has them all.

    Args:
        lines: dataset of the lines of the corpus.
        dictionary: of the corpus.
        config: fairseq's configuration of ``--bpe``.
        allowed: the share of the tokens that may be missing.
        path: what the message calls the corpus.

    Raises:
        InputError: if more are missing, or if the dictionary was made for another tokenizer.
    """
    tokenizer = load_tokenizer(config, dictionary)
    if not tokenizer.lacking:
        return
    lacking = set(tokenizer.lacking)
    missing = total = 0
    for i in np.unique(np.linspace(0, len(lines) - 1, _LINES).astype(int)).tolist():
        tokens = lines[i].numpy()[:_TOKENS]
        tokens = tokens[tokens != dictionary.eos()]
        text = tokenizer.decode(tokens.tolist())
        missing += sum(symbol in lacking for symbol in tokenizer.model.text(text).split())
        missing += int((tokens == dictionary.unk()).sum())
        total += len(tokens)
    require_known(missing, total, allowed, path)
