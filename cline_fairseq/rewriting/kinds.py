"""The kinds of replacements, and how often each is drawn."""

from collections.abc import Iterable, Mapping
from enum import IntEnum

from ..errors import InputError


class Kind(IntEnum):
    """How a candidate is related to the word that it replaces."""

    SYNONYM = 0
    HYPERNYM = 1
    INFLECTION = 2
    ANTONYM = 3
    INDIRECT_ANTONYM = 4
    COHYPONYM = 5  # a word of another meaning with the same hypernym: coffee, tea
    RANDOM = 6  # a word of the same tag


SYNONYM_KINDS = {Kind.SYNONYM: 1.0, Kind.HYPERNYM: 1.0, Kind.INFLECTION: 0.0}
ANTONYM_KINDS = {
    Kind.ANTONYM: 0.7,
    Kind.INDIRECT_ANTONYM: 0.3,
    Kind.COHYPONYM: 1.0,
    Kind.RANDOM: 1.0,
}
# These stand in for the other kinds, in this order, at words that have none of the kinds before.
STAND_INS = (Kind.COHYPONYM, Kind.RANDOM)


def parse_kinds(text: str, allowed: Iterable[Kind]) -> dict[Kind, float]:
    """Weights of kinds from text like ``synonym=0.6,hypernym=0.4``; kinds left out are not drawn.

    Raises:
        InputError: if the text is not like that, or names a kind that is not allowed.
    """
    names = {kind.name.lower(): kind for kind in allowed}
    kinds = {}
    for item in text.split(","):
        name, _, weight = item.partition("=")
        try:
            kinds[names[name.strip()]] = float(weight)
        except (KeyError, ValueError):
            raise InputError(
                f"{item!r} is no kind with its weight: expected some of {', '.join(names)} as in "
                f"'{format_kinds(dict.fromkeys(names.values(), 1))}'"
            ) from None
    return kinds


def format_kinds(kinds: Mapping[Kind, float]) -> str:
    """The text that :func:`parse_kinds` reads."""
    return ",".join(f"{kind.name.lower()}={weight:g}" for kind, weight in kinds.items())
