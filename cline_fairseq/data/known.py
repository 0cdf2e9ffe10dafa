"""Checks that a binarized corpus fits its dictionary and tokenizer."""

import numpy as np
from fairseq.data import Dictionary
from omegaconf import DictConfig

from ..dictionary import require_known
from .vocabulary import load_tokenizer

_LINES = 1000  # lines to check, spread over the corpus
_TOKENS = 512  # tokens to check of each line


def require_known_lines(
    lines, dictionary: Dictionary, config: DictConfig | dict | None, allowed: float, path: str
) -> None:
    """Check that the dictionary contains the pieces into which the tokenizer splits a corpus.

    The binarized corpus only has symbols, and ``<unk>`` for those that the dictionary lacks. So a
    sample of lines is decoded to text and encoded again. This also detects the dictionary of
    another tokenizer if all its symbols happen to be pieces of this one, e.g. those of a smaller
    vocabulary. An ``<unk>`` stands either for letters that the tokenizer does not know or for a
    missing piece; it counts as a missing piece unless the dictionary has all pieces.

    Args:
        lines: dataset of the lines of the corpus.
        dictionary: of the corpus.
        config: fairseq's configuration of ``--bpe``.
        allowed: the maximum share of tokens that may be missing, 0 to 1.
        path: name of the corpus in the error message.

    Raises:
        InputError: if more tokens are missing, or the dictionary was made for another tokenizer.
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
