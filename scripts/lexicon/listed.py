"""Opposites of frequent words that WordNet does not know: ``opposites.txt``."""

from pathlib import Path

from cline_fairseq.errors import InputError

from .candidates import Lemma, Link, Links, Relation, WordNet

FILE = Path(__file__).with_name("opposites.txt")
_POS = {"NOUN", "VERB", "ADJ", "ADV"}
_SURE = Link(1.0, 1.0, 1.0, 1.0)


def listed_opposites(path: Path = FILE) -> list[tuple[Lemma, Lemma]]:
    """Words with their opposites: both ways for ``life - death``, one way for ``movie > book``.

    Raises:
        InputError: naming the line that is neither a part of speech in brackets nor such a pair.
    """
    found, pos = [], None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line[1:-1] in _POS:
            pos = line[1:-1]
            continue
        words = line.split()
        if pos is None or len(words) != 3 or words[1] not in "->":
            raise InputError(f"{path}, line {number}: expected 'word - word' or 'word > word'")
        first, second = Lemma(words[0], pos), Lemma(words[2], pos)
        found.append((first, second))
        if words[1] == "-":
            found.append((second, first))
    return found


def add_listed(links: Links, wordnet: WordNet, pairs: list[tuple[Lemma, Lemma]]) -> None:
    """Make the second word of each pair a direct antonym of the first, where both may be used."""
    for word, other in pairs:
        if wordnet.is_usable(word) and wordnet.is_usable(other):
            links.setdefault(word, {})[Relation.ANTONYM, other] = _SURE
