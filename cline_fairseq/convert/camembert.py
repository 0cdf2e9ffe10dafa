"""CamemBERT's numbering of tokens, which has rows that no text becomes.

CamemBERT was trained with fairseq on a dictionary that listed ``<unk>``, ``<s>`` and ``</s>`` again
after fairseq's own special symbols. Hugging Face keeps its rows: the model uses the second ``<s>``
and ``</s>``, and the first ``<pad>`` and ``<unk>``.
"""

from collections.abc import Sequence

from ..dictionary import MADE_UP, MASK, SPECIAL

# Of the first rows, in Hugging Face's spelling.
_FIRST = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>")
UNUSED = tuple(token for token in _FIRST if token not in SPECIAL)
TOKEN_IDS = {
    f"{name}_token_id": _FIRST.index(token)
    for name, token in (("bos", "<s>"), ("pad", "<pad>"), ("eos", "</s>"))
}


def tokens_of(pieces: Sequence[str]) -> list[str]:
    """Hugging Face's tokens, by row.

    Args:
        pieces: of the SentencePiece model, in its order.
    """
    return [*_FIRST, *pieces, MASK]


def symbols_of(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """The dictionary of a CamemBERT.

    Args:
        pieces: of the SentencePiece model, in its order.

    Returns:
        the symbols, with made-up words for the rows that are not used, and Hugging Face's row of
        each symbol.
    """
    unused = [f"{MADE_UP}{i:04d}" for i in range(len(UNUSED))]
    rows = [_FIRST.index(token) for token in (*SPECIAL, *UNUSED)]
    symbols = [*SPECIAL, *unused, *pieces, MASK]
    return symbols, [*rows, *range(len(rows), len(symbols))]
