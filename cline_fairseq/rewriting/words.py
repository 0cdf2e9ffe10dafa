"""What a word is: splitting text into words, and the case of a word."""

import re
from enum import IntEnum

# A word is a run of letters and digits, with apostrophes and hyphens inside it ("don't",
# "well-known"), or a run of punctuation. Vocabulary.words follows the same rule for subwords.
_WORD = re.compile(r"\w+(?:[-'’]\w+)*|[^\w\s]+")


def split_words(text: str) -> list[str]:
    """Split a text into words and runs of punctuation, without white space."""
    return _WORD.findall(text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Find the words that :func:`split_words` returns: their character offsets (start, end)."""
    return [match.span() for match in _WORD.finditer(text)]


def is_word(word: str) -> bool:
    """Whether a word contains a letter or a digit, as opposed to punctuation."""
    return any(map(str.isalnum, word))


class Case(IntEnum):
    """The case of a word. Words in mixed case (iPhone) are never replaced."""

    LOWER = 0
    CAPITALISED = 1
    UPPER = 2
    MIXED = 3


def case_of(word: str) -> Case:
    """The case of a word; a single capital letter counts as capitalised."""
    if word.islower():
        return Case.LOWER
    if word[:1].isupper():
        if len(word) == 1 or word[1:].islower():
            return Case.CAPITALISED
        if word.isupper():
            return Case.UPPER
    return Case.MIXED


def with_case(word: str, case: Case) -> str:
    """Write a lower-case word in the given case: ``("mouse", UPPER) -> "MOUSE"``."""
    if case == Case.CAPITALISED:
        return word[:1].upper() + word[1:]
    return word.upper() if case == Case.UPPER else word
