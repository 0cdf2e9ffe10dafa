"""Check on probe texts whether two tokenizers agree, since settings cannot be compared."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from ..errors import InputError
from ..tokenizer import Tokenizer

# Several probes each with capitals, punctuation, spaces, digits, accents and other scripts.
PROBES = [
    "The mice ran quickly over the better fences, and nobody was happy in Paris.",
    "UPPER CASE, Mixed Case, lower case; McDonald's iPhone and NASA",
    "Don't, won't, it's: they'd've \u201cquoted\u201d \u2018both\u2019 \u2013 and \u2014 dashes!",
    "1999 cost $3.50 (or 12,345.67) in 2024-11-24, at 10:30 and 50 %",
    "na\u00efve caf\u00e9 \u00c5ngstr\u00f6m \u00fcber fa\u00e7ade pi\u00f1ata",
    "na\u00efve readers of the caf\u00e9 in \u00c5rhus, \u00e9t\u00e9 et hiver",
    "http://example.com/a_b?c=d&e=f user@example.org #tag @name",
    "a well-known state-of-the-art e-mail/letter and/or more...",
    "\u72ac\u304c\u597d\u304d \u041c\u043e\u0441\u043a\u0432\u0430 \u0391\u03b8\u03ae\u03bd\u03b1",
    "def f(x): return [y**2 for y in x if y != 0]",
    "the internationalization of antidisestablishmentarianism",
    "Who? What?! Where... (Nowhere.) [Anywhere] {somewhere} <there>",
]
# Spaces are handled differently by kinds of tokenizers, whatever their settings.
SPACED = ["two  spaces   here", " a space before", "a space behind ", "a tab\tbetween"]
_LETTERS = 50  # symbols for unknown letters to probe
_MOST_TIES = 1  # lines that may differ, because equally likely splits are ties

Encode = Callable[[list[str]], Iterable[Iterable[int]]]


def probes_of(tokenizer: Tokenizer, lines: list[str]) -> list[str]:
    """The lines without pieces that the dictionary lacks, plus lines with unknown letters.

    Pieces that the dictionary lacks are left out because fast tokenizers are known to handle them
    differently from fairseq (see :func:`.sentence_pieces.to_hf`).

    Args:
        tokenizer: fairseq's tokenizer.
        lines: texts to choose from.
    """
    letters = tokenizer.letters[:_LETTERS]
    pairs = [a + b for a, b in pairwise(letters)]
    lines = [*lines, *(f"a {symbol} or{symbol}, {symbol}b" for symbol in letters + pairs)]
    missing = tokenizer.index(lines).missing
    return [line for line, count in zip(lines, missing.tolist(), strict=True) if not count]


def require_same(one: Encode, other: Encode, lines: list[str], message: str) -> None:
    """Make sure that two tokenizers return the same ids.

    Args:
        one: returns the ids of lines, without special tokens.
        other: the same for the other tokenizer.
        lines: the texts to compare.
        message: beginning of the error message.

    Raises:
        InputError: if the ids of some lines differ.
    """
    pairs = zip(lines, one(lines), other(lines), strict=True)
    different = [line for line, a, b in pairs if list(a) != list(b)]
    if len(different) > _MOST_TIES:
        raise InputError(f"{message} (for example {different[0]!r})")
