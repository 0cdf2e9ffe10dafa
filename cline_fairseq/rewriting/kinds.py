"""The kinds of replacements, and their default weights."""

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
    COHYPONYM = 5  # a word of another meaning that fits in the same places: coffee, tea
    RANDOM = 6  # a word of the same tag


SYNONYM_KINDS = {Kind.SYNONYM: 1.0, Kind.HYPERNYM: 1.0, Kind.INFLECTION: 0.0}
ANTONYM_KINDS = {
    Kind.ANTONYM: 0.7,
    Kind.INDIRECT_ANTONYM: 0.3,
    Kind.COHYPONYM: 1.0,
    Kind.RANDOM: 1.0,
}
# Used, in this order, for words that have no candidates of any other kind.
STAND_INS = (Kind.COHYPONYM, Kind.RANDOM)


def parse_kinds(text: str, allowed: Iterable[Kind]) -> dict[Kind, float]:
    """Parse the weights of kinds from a text like ``synonym=0.6,hypernym=0.4``.

    Args:
        text: pairs of a kind and its weight. Kinds that it does not name are never drawn.
        allowed: the kinds that it may name.

    Raises:
        InputError: if the text has another form, or names a kind that is not allowed.
    """
    names = {kind.name.lower(): kind for kind in allowed}
    kinds = {}
    for item in text.split(","):
        name, _, weight = item.partition("=")
        try:
            kinds[names[name.strip()]] = float(weight)
        except (KeyError, ValueError):
            raise InputError(
                f"{item!r} is not a kind and its weight: expected some of {', '.join(names)}, e.g. "
                f"'{format_kinds(dict.fromkeys(names.values(), 1))}'"
            ) from None
    return kinds


def format_kinds(kinds: Mapping[Kind, float]) -> str:
    """Format weights as a text that :func:`parse_kinds` can parse."""
    return ",".join(f"{kind.name.lower()}={weight:g}" for kind, weight in kinds.items())
