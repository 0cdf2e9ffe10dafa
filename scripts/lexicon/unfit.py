"""Replacements that a reader found wrong in most sentences, among the most frequent words.

Few words make up a large part of a text, and those have many senses, or stand in fixed phrases
(*in a way*, *a little*), of which neither WordNet nor vectors know anything.
"""

from pathlib import Path

from cline_fairseq.errors import InputError

from .candidates import Lemma

FILE = Path(__file__).with_name("unfit.txt")
_POS = {"NOUN", "VERB", "ADJ", "ADV"}


class Unfit:
    """What ``unfit.txt`` says, in a section for each view.

    A line is ``word POS: candidate, candidate``. In the synonym view, ``word POS: *`` says that
    all candidates of a word are wrong more often than not.

    Raises:
        InputError: naming the line that is neither the name of a section nor such a line.
    """

    def __init__(self, path: Path = FILE):
        self._pairs: dict[str, dict[Lemma, set[str]]] = {"near": {}, "far": {}}
        section = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            if line[1:-1] in self._pairs:
                section = self._pairs[line[1:-1]]
                continue
            word, colon, candidates = line.partition(": ")
            text, _, pos = word.rpartition(" ")
            if section is None or not colon or pos not in _POS:
                raise InputError(f"{path}, line {number}: expected 'word POS: candidate, ...'")
            section[Lemma(text, pos)] = set(candidates.split(", "))

    def near(self, word: Lemma, candidate: Lemma) -> float:
        """0 if a candidate of the synonym view is never drawn for a word, otherwise 1."""
        return float(candidate.text not in self._pairs["near"].get(word, ()))

    def far(self, word: Lemma, candidate: Lemma) -> float:
        """0 if a candidate of the antonym view is never drawn for a word, otherwise 1."""
        return float(candidate.text not in self._pairs["far"].get(word, ()))

    def is_seldom(self, word: Lemma) -> bool:
        """Whether a word is seldom replaced in the synonym view."""
        return "*" in self._pairs["near"].get(word, ())
