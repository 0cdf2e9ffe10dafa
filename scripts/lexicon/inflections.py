"""The inflections of words and phrases, from lemminflect's tables."""

import re
from collections.abc import Callable

import lemminflect

from cline_fairseq.rewriting.tags import INFLECTIONS

_SPELLING = re.compile(r"[a-z]{2,}(?:[-'][a-z]+)*")
_PREFIXES = ("be", "counter", "dis", "fore", "inter", "mis", "out", "over", "pre", "re", "un")
_PREFIXES += ("under", "up", "with")


def is_singular(noun: str) -> bool:
    """False for a plural (papers)."""
    return noun in lemminflect.getAllLemmas(noun, upos="NOUN").get("NOUN", (noun,))


def inflect(
    text: str, pos: str, is_known: Callable[[str], bool] = lambda form: True
) -> dict[str, tuple[str, ...]]:
    """The forms of a lemma by tag: ``{"NN": ("mouse",), "NNS": ("mice",)}``.

    A phrase is inflected at its head: the first word of a verb (looked at), the last of a noun
    (motor vehicles) unless a preposition follows the first (points of view).

    Args:
        text: a word or a phrase.
        pos: its part of speech.
        is_known: whether a form exists; guessed ones that do not are left out.
    """
    words = text.split(" ")
    if len(words) == 1:
        return _inflect_word(text, pos, is_known)
    if pos in ("ADJ", "ADV"):
        return {INFLECTIONS[pos][0]: (text,)}
    first = pos == "VERB" or words[1] in ("of", "in", "to", "at", "on", "for")
    head = 0 if first else len(words) - 1
    return {
        tag: (" ".join([*words[:head], spellings[0], *words[head + 1 :]]),)
        for tag, spellings in _inflect_word(words[head], pos, is_known).items()
    }


def _inflect_word(text, pos, is_known):
    known = lemminflect.getAllInflections(text, upos=pos)
    if not known and pos in ("NOUN", "VERB"):
        guessed = _inflect_unknown(text, pos)
        known = {tag: tuple(filter(is_known, spellings)) for tag, spellings in guessed.items()}
    if "VBN" not in known and "VBD" in known:  # lemminflect leaves out participles like walked
        known = known | {"VBN": known["VBD"]}
    forms = {INFLECTIONS[pos][0]: (text,)}
    for tag in INFLECTIONS[pos][1:]:
        spellings = tuple(s for s in known.get(tag, ()) if _SPELLING.fullmatch(s))
        if spellings:
            forms[tag] = spellings
    return forms


def _inflect_unknown(text, pos):
    """The inflections of a word that lemminflect does not list.

    A verb with a prefix has those of the verb (unmake, unmade). Otherwise its rules for unknown
    words serve, except where the word ends in one whose inflection is irregular.
    """
    guessed = lemminflect.getAllInflectionsOOV(text, upos=pos)
    for start in range(1, len(text) - 2):
        prefix, rest = text[:start].rstrip("-"), text[start:]
        known = lemminflect.getAllInflections(rest, upos=pos)
        if known and pos == "VERB" and prefix in _PREFIXES:
            return {tag: tuple(text[:start] + s for s in forms) for tag, forms in known.items()}
        if known and _is_irregular(rest, known, pos):
            return {}
    return guessed


def _is_irregular(text, known, pos):
    guessed = lemminflect.getAllInflectionsOOV(text, upos=pos)
    return any(tag in known and not set(forms) & set(known[tag]) for tag, forms in guessed.items())
