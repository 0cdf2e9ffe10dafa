"""The files of GPT-2's byte-level BPE, and whether its merges make its vocabulary."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .dictionary import is_special
from .errors import InputError

Merges = list[tuple[str, ...]]

_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
# Each byte has a letter: printable bytes their own, the others the letters from 256 on.
BYTE_OF_LETTER = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + i): byte for i, byte in enumerate(_OTHERS)
}
_VERSION = "#version: 0.2\n"


def read_byte_pairs(encoder_json: str | Path, vocab_bpe: str | Path) -> tuple[dict, Merges]:
    """Read the files of ``--bpe gpt2``.

    Returns:
        the number of each token, and the pairs of tokens to merge, the first ones first.

    Raises:
        InputError: if the files cannot be read, or do not belong together.
    """
    try:
        vocabulary = json.loads(Path(encoder_json).read_text(encoding="utf-8"))
        lines = Path(vocab_bpe).read_text(encoding="utf-8").split("\n")
        merges = [tuple(line.split()) for line in lines[1:-1]]  # a comment comes first
        require_merges(vocabulary, merges)
        if not all(type(number) is int and number >= 0 for number in vocabulary.values()):
            raise InputError("a token's number is not a whole number from 0 on")
    except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{encoder_json} and {vocab_bpe} are not a GPT-2 BPE: {error}") from error
    return vocabulary, merges


def write_byte_pairs(folder: Path, vocabulary: Mapping[str, int], merges: Merges) -> None:
    """Write encoder.json and vocab.bpe, the files of ``--bpe gpt2``."""
    pairs = "".join(f"{first} {second}\n" for first, second in merges)
    (folder / "encoder.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "vocab.bpe").write_text(_VERSION + pairs, encoding="utf-8")


def tokens_made(merges: Iterable[tuple[str, ...]]) -> list[str]:
    """The tokens that text can become: bytes in their order, then merges, each once."""
    return list(dict.fromkeys([*BYTE_OF_LETTER, *map("".join, merges)]))


def require_merges(vocabulary: Collection[str], merges: Iterable[tuple[str, ...]]) -> None:
    """Make sure that the merges make each token of a vocabulary, and no other one.

    With a truncated or empty file of merges, text would still be encoded, only with more tokens.
    Tokens that no text becomes, such as ``<|endoftext|>``, need no merge.

    Args:
        vocabulary: the tokens of encoder.json.
        merges: the pairs of vocab.bpe.

    Raises:
        InputError: if tokens are missing on either side.
    """
    made = set(tokens_made(merges))
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
