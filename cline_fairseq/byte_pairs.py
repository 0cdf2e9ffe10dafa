"""Read, write and check the files of GPT-2's byte-level BPE."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .dictionary import is_special
from .errors import InputError

Merges = list[tuple[str, ...]]

_PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
# Each byte is written as a letter: printable bytes as themselves, the others as U+0100 onwards.
BYTE_OF_LETTER = {chr(byte): byte for byte in _PRINTABLE} | {
    chr(256 + i): byte for i, byte in enumerate(_OTHERS)
}
_VERSION = "#version: 0.2\n"


def read_byte_pairs(
    encoder_json: str | Path, vocab_bpe: str | Path
) -> tuple[dict[str, int], Merges]:
    """Read the files of ``--bpe gpt2``.

    Args:
        encoder_json: a number for each token.
        vocab_bpe: the merges, one pair of tokens per line.

    Returns:
        the number of each token, and the pairs of tokens to merge, in order of priority.

    Raises:
        InputError: if the files cannot be read, or do not belong together.
    """
    try:
        vocabulary = json.loads(Path(encoder_json).read_text(encoding="utf-8"))
        lines = Path(vocab_bpe).read_text(encoding="utf-8").split("\n")
        merges = [tuple(line.split()) for line in lines[1:-1]]  # the first line is a comment
        require_merges(vocabulary, merges)
        if not all(type(number) is int and number >= 0 for number in vocabulary.values()):
            raise InputError("the number of a token is not a non-negative integer")
    except (AttributeError, OSError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"{encoder_json} and {vocab_bpe} are not a GPT-2 BPE: {error}") from error
    return vocabulary, merges


def write_byte_pairs(folder: Path, vocabulary: Mapping[str, int], merges: Merges) -> None:
    """Write encoder.json and vocab.bpe, the files of ``--bpe gpt2``.

    Args:
        folder: where to write them.
        vocabulary: the number of each token.
        merges: pairs of tokens, in order of priority.
    """
    pairs = "".join(f"{first} {second}\n" for first, second in merges)
    (folder / "encoder.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "vocab.bpe").write_text(_VERSION + pairs, encoding="utf-8")


def tokens_made(merges: Iterable[tuple[str, ...]]) -> list[str]:
    """The tokens that text can become: bytes in their order, then merges, without repetitions."""
    return list(dict.fromkeys([*BYTE_OF_LETTER, *map("".join, merges)]))


def require_merges(vocabulary: Collection[str], merges: Iterable[tuple[str, ...]]) -> None:
    """Make sure that the merges produce all tokens of a vocabulary, and no others.

    With a truncated or empty file of merges, text would still be encoded, but with more tokens.
    Tokens that text never becomes, such as ``<|endoftext|>``, need no merge.

    Args:
        vocabulary: the tokens of encoder.json.
        merges: the pairs of vocab.bpe.

    Raises:
        InputError: if tokens are missing from the vocabulary or from the merges.
    """
    made = set(tokens_made(merges))
    lacking = sorted(
        token for token in set(vocabulary) - made if not (is_special(token) or _is_marked(token))
    )
    if lacking:
        raise InputError(
            f"{len(lacking):,} tokens of the vocabulary are not produced by any merge (for example "
            f"{lacking[0]!r}): the merges are cut off or belong to another vocabulary; get both "
            "files again"
        )
    extra = sorted(made.difference(vocabulary))
    if extra:
        raise InputError(
            f"the vocabulary lacks {len(extra):,} tokens that the merges produce (for example "
            f"{extra[0]!r}): it is damaged, or belongs to other merges; download both files again"
        )


def _is_marked(token):
    return (token[:1], token[-1:]) in {("<", ">"), ("[", "]")}
