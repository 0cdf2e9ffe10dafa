"""What is drawn of another meaning: opposites, verbs of the same use, nouns of one field."""

from types import SimpleNamespace

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Kind
from lexicon_parts import noun, part


class Words:
    """Stands in for vectors with ranks and counts: the word and its neighbours have one vector."""

    def __init__(self, alike=(), rare=(), unknown=()):
        self._alike, self._rare, self._unknown = alike, rare, unknown

    def of(self, lemma):
        return np.array([1.0, 0.0] if lemma.text in ("word", *self._alike) else [0.0, 1.0])

    def rank(self, lemma):
        return 10**6 if lemma.text in self._unknown else 10**5 if lemma.text in self._rare else 1

    def count(self, lemma):
        return 100


def opposites(links, alike=(), rare=(), unknown=(), unfit=()):
    words = Words(alike, rare, unknown)
    chosen = part("opposites").Opposites(
        part("features").Resources(None, words, words, words),
        SimpleNamespace(fits=lambda word, other: True),
        SimpleNamespace(far=lambda word, other: float(other.text not in unfit)),
    )
    relations = {True: part("candidates").Relation.ANTONYM}
    relations[False] = part("candidates").Relation.INDIRECT_ANTONYM
    link = part("candidates").Link
    links = {
        (relations[direct], noun(text)): link(there, there, 1.0, 1.0)
        for text, direct, there in links
    }
    found = chosen.weights(noun("word"), links)
    return {(kind, lemma.text) for kind, lemma in found}


def test_opposites_of_rare_senses_are_left_out():
    links = [("woman", True, 0.6), ("ascent", True, 0.08), ("lady", False, 0.3)]
    assert opposites(links) == {(Kind.ANTONYM, "woman")}


def test_what_fills_the_same_slots_is_an_opposite_in_rare_senses_too():
    links = [("gain", True, 0.05), ("profit", False, 0.2), ("deficit", False, 0.1)]
    assert opposites(links, alike=["gain", "profit", "deficit"]) == {
        (Kind.ANTONYM, "gain"),
        (Kind.INDIRECT_ANTONYM, "profit"),
    }


def test_rare_opposites_must_be_surer():
    links = [("fearlessness", True, 0.4), ("bravado", False, 0.4), ("placable", True, 1.0)]
    found = opposites(links, ["fearlessness", "bravado"], ["fearlessness", "bravado"], ["placable"])
    assert found == {(Kind.ANTONYM, "fearlessness")}


def test_phrases_are_direct_opposites_only():
    links = [("stand still", True, 0.2), ("under way", False, 1.0)]
    assert opposites(links, alike=["under way"]) == {(Kind.ANTONYM, "stand still")}


def test_unfit_opposites_are_left_out():
    links = [("many", True, 1.0), ("much", True, 0.5)]
    assert opposites(links, unfit=["many"]) == {(Kind.ANTONYM, "much")}


def test_listed_opposites(tmp_path):
    listed, candidates = part("listed"), part("candidates")
    path = tmp_path / "opposites.txt"
    path.write_text("# text\n\n[NOUN]\nlife - death\nmovie > book\n")
    pairs = listed.listed_opposites(path)
    life, death, movie, book = map(noun, ("life", "death", "movie", "book"))
    assert pairs == [(life, death), (death, life), (movie, book)]
    links = {life: {}}
    usable = SimpleNamespace(is_usable=lambda lemma: lemma != movie)
    listed.add_listed(links, usable, pairs)
    antonym = candidates.Relation.ANTONYM
    assert {word: set(them) for word, them in links.items()} == {
        life: {(antonym, death)},
        death: {(antonym, life)},
    }
    for text in ("life - death", "[NOUN]\nlife death", "[NOUN]\nlife = death", "[NOUNS]"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"opposites\.txt, line \d: expected 'word - word'"):
            listed.listed_opposites(path)


def test_the_list_of_the_build_has_each_opposite_once():
    pairs = part("listed").listed_opposites()
    assert len(pairs) > 1500
    assert len(set(pairs)) == len(pairs)
    assert not any(word == other for word, other in pairs)


class Verbs:
    """Stands in for WordNet: verbs with the frames and probabilities of their senses."""

    def __init__(self, **verbs):
        self._verbs = verbs

    def senses(self, lemma):
        synset = SimpleNamespace(frame_ids=list)
        return [
            (SimpleNamespace(frame_ids=lambda ids=ids: ids, synset=lambda: synset), p)
            for ids, p in self._verbs.get(lemma.text, [])
        ]


def test_transitivity():
    transitivity = part("transitivity")
    verbs = Verbs(
        occupy=[([8], 1.0)],
        exist=[([1, 2], 0.97), ([8], 0.03)],  # hardly ever with an object
        break_=[([8, 11], 0.5), ([1], 0.5)],
        tell=[([8, 26], 1.0)],
        odd=[([], 1.0)],
    )
    found = transitivity.Transitivity(verbs)

    def shared(word, other, pos="VERB"):
        lemma = part("candidates").Lemma
        return found.shared(lemma(word, pos), lemma(other, pos))

    assert shared("occupy", "exist") == 0
    assert shared("exist", "occupy") == pytest.approx(0.03)
    assert shared("occupy", "break_") == shared("exist", "break_") == 1
    assert shared("break_", "exist") == shared("tell", "occupy") == 0.5
    assert shared("occupy", "odd") == shared("odd", "occupy") == 1  # WordNet does not say
    assert shared("occupy", "exist", "NOUN") == 1
    verb = part("candidates").Lemma
    assert not found.fits(verb("exist", "VERB"), verb("occupy", "VERB"))
    assert found.fits(verb("break_", "VERB"), verb("exist", "VERB"))


def test_cohyponyms_are_comparable_nouns():
    cohyponyms = part("cohyponyms")
    counts = {"tea": 900, "coffee": 300, "posset": 10, "dog": 500}
    fields = {"tea": "food", "coffee": "food", "posset": "food", "dog": "animal"}
    resources = SimpleNamespace(
        skipgram=SimpleNamespace(count=lambda lemma: counts[lemma.text]),
        wordnet=SimpleNamespace(same_field=lambda a, b: float(fields[a.text] == fields[b.text])),
    )
    fitting = [
        other
        for other in ("coffee", "posset", "dog")
        if cohyponyms._are_comparable(noun("tea"), noun(other), resources)
    ]
    assert fitting == ["coffee"]


class Synset:
    def __init__(self, field):
        self.lexname = lambda: field


def test_fields_of_words():
    """Half of the use of both words is in one field."""
    wordnet = object.__new__(part("candidates").WordNet)
    wordnet._probabilities = {
        noun("tea"): {Synset("noun.food"): 0.5, Synset("noun.plant"): 0.5},
        noun("beer"): {Synset("noun.food"): 1.0},
    }
    assert wordnet.same_field(noun("tea"), noun("beer")) == 0.5
