"""GPT-2's byte-level BPE: do its merges make its vocabulary?"""

from collections.abc import Collection, Iterable

from .dictionary import is_special
from .errors import InputError

_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
# The letters that stand for bytes: those that can be printed for themselves, others from 256 on.
BYTE_LETTERS = frozenset(map(chr, (*_PRINTABLE, *range(256, 512 - len(_PRINTABLE)))))


def require_merges(vocabulary: Collection[str], merges: Iterable[tuple[str, ...]]) -> None:
    """Make sure that the merges make each token of a vocabulary, and no other one.

    A file of merges that is cut off, or empty, would encode text all the same, with more tokens.
    Tokens that no text becomes, such as ``<|endoftext|>``, need no merge.

    Args:
        vocabulary: the tokens of encoder.json.
        merges: the pairs of vocab.bpe.

    Raises:
        InputError: if there are other tokens.
    """
    made = BYTE_LETTERS.union(map("".join, merges))
    lacking = sorted(
        token for token in set(vocabulary) - made if not (is_special(token) or _is_marked(token))
    )
    if lacking:
        raise InputError(
            f"{len(lacking):,} tokens of the vocabulary are not produced by any merge (for example "
            f"{lacking[0]!r}): the merges are cut off, or belong to another vocabulary; get both "
            "files again"
        )
    extra = sorted(made.difference(vocabulary))
    if extra:
        raise InputError(
            f"the vocabulary lacks {len(extra):,} tokens that bytes and merges make (for example "
            f"{extra[0]!r}): it is damaged, or belongs to other merges; get both files again"
        )


def _is_marked(token):
    return (token[:1], token[-1:]) in {("<", ">"), ("[", "]")}
