"""What WordNet relates a word to, and how strongly."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from cline_fairseq.rewriting.lexicon import RESOURCES

from .inflections import is_singular

# Words that hold a sentence together: replacing them changes its grammar, not its content. They
# are neither replaced nor used as replacements. A lemma stands for all of its forms. Participles
# that are prepositions more often than verbs (including) are left out on their own.
_FUNCTION_WORDS = {
    "VERB": """be have do can could may might must shall should will would need dare ought let
        including excluding according concerning regarding considering depending following owing""",
    "NOUN": """will may can might must no not don do none one other half something nothing anything
        everything someone somebody anyone anybody everyone everybody nobody""",
    "ADJ": """no none such own which what following concerning regarding considering owing more most
        less least littler littlest""",
    "ADV": """not no never neither nor hardly scarcely barely n't as so there how why when where
        more most less least""",
}
_FUNCTION_WORDS = {pos: frozenset(words.split()) for pos, words in _FUNCTION_WORDS.items()}
# Senses that share a synset with one of these are left out (jazz -> love, suck -> blow).
_OBSCENE = {"asshole", "cunt", "fellate", "fuck", "piss", "shit"}
_WORD = re.compile(r"[a-z]{2,}(?:[-'][a-z]+)*")
_PHRASE = re.compile(r"[a-z]{2,}(?:[-' ][a-z]+)*")
_WORDNET_POS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "s": "ADJ", "r": "ADV"}

MIN_DEPTH = {"NOUN": 5, "VERB": 1}  # of hypernyms: entity or act say nothing


class Lemma(NamedTuple):
    """A word with its part of speech, the unit that WordNet relates."""

    text: str
    pos: str


class Relation(IntEnum):
    """How WordNet relates a candidate to a word."""

    SYNONYM = 0
    HYPERNYM = 1
    SIMILAR = 2  # the other words of an adjective's cluster: its head, or the satellites
    ANTONYM = 3
    INDIRECT_ANTONYM = 4
    COHYPONYM = 5  # none of these, but alike in what stands next to them (slots.py)


NEAR = (Relation.SYNONYM, Relation.HYPERNYM, Relation.SIMILAR)
OPPOSITE = (Relation.ANTONYM, Relation.INDIRECT_ANTONYM)


class Link(NamedTuple):
    """The senses of a word that relate it to a candidate.

    ``share`` is P(candidate | word): the sum of P(sense | word) P(candidate | sense) over these
    senses. ``there`` is P(one of these senses | word), and ``back`` the probability of the other
    ends of the links given the candidate. All are estimated from WordNet's sense counts.
    ``frames`` is the part of the verb frames (transitive, with a clause, ...) of these senses
    that the candidate has, too; 1 for other parts of speech.
    """

    share: float
    there: float
    back: float
    frames: float


Links = dict[Lemma, dict[tuple[Relation, Lemma], Link]]


class WordNet:
    """WordNet as a table of senses with their probabilities.

    Args:
        corpus: NLTK's corpus reader.
        blocked: words that must not be in a lexicon.
    """

    def __init__(self, corpus, blocked: set[str]):
        self.corpus, self.blocked = corpus, blocked
        self._adverbs = self._adverbs_of_adjectives()
        # NLTK searches its file for each count.
        with corpus.open("cntlist.rev") as lines:
            counts = (line.split() for line in lines)
            self._counts = {key: int(count) for key, _, count in counts}
        self._probabilities: dict[Lemma, dict] = {}
        self._above: dict[Lemma, set] = {}

    def links(self) -> Links:
        """The links of each word that may be replaced; see :func:`drop_contradictions`."""
        names = sorted({name for pos in "nvar" for name in self.corpus.all_lemma_names(pos=pos)})
        links = {}
        for name in tqdm(names, desc="relating", unit="word"):
            for pos in "nvar":
                lemma = Lemma(name, _WORDNET_POS[pos])
                if _WORD.fullmatch(name) and self.is_usable(lemma):
                    found = self.links_of(lemma)
                    if found:
                        links[lemma] = found
        return links

    def is_usable(self, lemma: Lemma) -> bool:
        """Whether a word may be replaced and stand for others."""
        text, pos = lemma
        if text in self.blocked or is_function_word(text, pos):
            return False
        # Plurals that WordNet lists as words of their own (glasses) have no plural to take.
        return pos != "NOUN" or is_singular(text.split(" ")[-1])

    def links_of(self, lemma: Lemma) -> dict[tuple[Relation, Lemma], Link]:
        """The links of one word."""
        share, there, frames = Counter(), Counter(), Counter()
        ends = defaultdict(dict)
        for sense, p_sense in self.senses(lemma):
            linked = {}
            for relation, candidate, p, end in self._linked(sense):
                fits = candidate.text != lemma.text and _PHRASE.fullmatch(candidate.text)
                if fits and self.is_usable(candidate):
                    key = relation, candidate
                    share[key] += p_sense * p
                    linked[key] = end
            for key, end in linked.items():
                there[key] += p_sense
                frames[key] += p_sense * _frame_overlap(sense, end)
                ends[key][end.synset()] = True
        found = {}
        for key, p in share.items():
            back = self.probabilities(key[1])
            found[key] = Link(
                p,
                there[key],
                sum(back.get(synset, 0) for synset in ends[key]),
                frames[key] / there[key],
            )
        return found

    def is_below(self, word: Lemma, other: Lemma) -> bool:
        """Whether any sense of a word has one of another above it."""
        if word not in self._above:
            synsets = self.probabilities(word)
            self._above[word] = {a for s in synsets for a in s.closure(lambda h: h.hypernyms())}
        return not self._above[word].isdisjoint(self.probabilities(other))

    def same_field(self, word: Lemma, other: Lemma) -> float:
        """How much of the use of both words is in the same fields (person, artifact, time, ...)."""
        first, second = self._fields(word), self._fields(other)
        return sum(min(p, second[field]) for field, p in first.items())

    def senses(self, lemma: Lemma):
        """The senses of a word, each the word's WordNet lemma in a synset, with P(sense | word)."""
        name = lemma.text.replace(" ", "_")
        pos = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r"}[lemma.pos]
        senses = [
            next(member for member in synset.lemmas() if member.name().lower() == name)
            for synset in self.corpus.synsets(name, pos)
            if any(member.name() == name for member in synset.lemmas())
            if not _is_obscene(synset)
        ]
        # WordNet lists senses by frequency; the rank speaks where no count does.
        weights = np.array([self.count(sense) + 1 / (i + 1) for i, sense in enumerate(senses)])
        return list(zip(senses, (weights / weights.sum()).tolist(), strict=True)) if senses else []

    def probabilities(self, lemma: Lemma) -> dict:
        """P(synset | word)."""
        if lemma not in self._probabilities:
            self._probabilities[lemma] = {s.synset(): p for s, p in self.senses(lemma)}
        return self._probabilities[lemma]

    def sense_counts(self) -> Counter:
        """How often WordNet's tagged corpus has each lemma."""
        counts = Counter()
        for synset in self.corpus.all_synsets():
            for lemma in synset.lemmas():
                counts[_lemma(lemma)] += self.count(lemma)
        return counts

    def count(self, sense) -> int:
        """How often WordNet's tagged corpus has a sense."""
        return self._counts.get(sense.key(), 0)

    def _fields(self, lemma):
        fields = Counter()
        for synset, p in self.probabilities(lemma).items():
            fields[synset.lexname()] += p
        return fields

    def _linked(self, sense) -> Iterator[tuple[Relation, Lemma, float, object]]:
        """The candidates of a sense, P(candidate | sense), and the WordNet lemma at the end."""
        synset = sense.synset()
        yield from self._members(Relation.SYNONYM, [synset], without=sense)
        if synset.pos() in "nv":
            least = MIN_DEPTH[_WORDNET_POS[synset.pos()]]
            above = [h for h in _in_order(synset.hypernyms()) if h.min_depth() >= least]
            opposites = [antonym for mate in synset.lemmas() for antonym in mate.antonyms()]
            shared = {h for antonym in opposites for h in antonym.synset().hypernyms()}
            above = [h for h in above if h not in shared]  # drama, of comedy and of tragedy
            against = _named_after_the_opposite(sense)
            for relation, candidate, p, end in self._members(Relation.HYPERNYM, above):
                if end not in against:
                    yield relation, candidate, p, end
        yield from self._members(Relation.SIMILAR, _in_order(synset.similar_tos()))
        for antonym in sorted(sense.antonyms(), key=_key):
            yield Relation.ANTONYM, _lemma(antonym), 1.0, antonym
        indirect = sorted(self._indirect_antonyms(sense), key=_key)
        for antonym in indirect:
            yield Relation.INDIRECT_ANTONYM, _lemma(antonym), 1 / len(indirect), antonym

    def _members(self, relation, synsets, without=None):
        for synset in synsets:
            if _is_obscene(synset):
                continue
            members = [lemma for lemma in synset.lemmas() if lemma != without]
            weights = np.array([self.count(lemma) + 0.5 for lemma in members])
            for lemma, p in zip(members, (weights / weights.sum()).tolist(), strict=True):
                yield relation, _lemma(lemma), p / len(synsets), lemma

    def _indirect_antonyms(self, sense):
        """Words of the opposite meaning that WordNet does not link to the word itself."""
        synset = sense.synset()
        mates = [antonym for mate in synset.lemmas() for antonym in mate.antonyms()]
        if synset.pos() == "s":  # moist -> the head of its cluster, wet -> dry
            return mates + _opposites(synset.similar_tos())
        if synset.pos() == "r":  # sadly -> sad -> happy -> happily
            adjectives = [a for mate in synset.lemmas() for a in mate.pertainyms()]
            return mates + [
                adverb
                for adjective in adjectives
                for opposite in _opposites_of_adjective(adjective)
                for adverb in self._adverbs[opposite]
            ]
        if synset.pos() == "n":  # sadness -> sad -> happy -> happiness, of the same field
            return mates + [
                noun
                for adjective in sense.derivationally_related_forms()
                if adjective.synset().pos() in "as"
                for opposite in adjective.antonyms()
                for noun in opposite.derivationally_related_forms()
                if noun.synset().pos() == "n" and noun.synset().lexname() == synset.lexname()
            ]
        return mates

    def _adverbs_of_adjectives(self):
        adverbs = defaultdict(list)
        for synset in self.corpus.all_synsets("r"):
            for adverb in synset.lemmas():
                for adjective in adverb.pertainyms():
                    adverbs[adjective].append(adverb)
        return adverbs


def is_function_word(form: str, pos: str) -> bool:
    """Whether a lemma or a form of one holds sentences together."""
    return form in _FUNCTION_WORDS.get(pos, ())


def blocked_words() -> set[str]:
    """The words of ``resources/blocked_words.txt``: slurs, which must never be written."""
    lines = (RESOURCES / "blocked_words.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def drop_contradictions(links: Links) -> None:
    """An opposite is no near word, in either direction, unless it is a synonym of one sense.

    Direct antonyms win over all else, and synonyms over indirect antonyms. Those win over hypernyms
    and the words of an adjective's cluster.
    """
    found = {word: {relation: set() for relation in Relation} for word in links}
    for word, them in links.items():
        for relation, candidate in them:
            found[word][relation].add(candidate)
    for word, them in links.items():
        own = found[word]
        for relation, candidate in list(them):
            back = found.get(candidate, {})
            direct = candidate in own[Relation.ANTONYM] or word in back.get(Relation.ANTONYM, ())
            indirect = candidate in own[Relation.INDIRECT_ANTONYM] or word in back.get(
                Relation.INDIRECT_ANTONYM, ()
            )
            lost = {
                Relation.SYNONYM: direct,
                Relation.HYPERNYM: direct or indirect,
                Relation.SIMILAR: direct or indirect,
                Relation.INDIRECT_ANTONYM: direct or candidate in own[Relation.SYNONYM],
            }
            if lost.get(relation, False):
                del them[relation, candidate]


def _is_obscene(synset):
    return not _OBSCENE.isdisjoint(synset.lemma_names())


def _in_order(synsets):
    """NLTK keeps related synsets in sets, whose order differs from run to run."""
    return sorted(synsets, key=lambda synset: synset.name())


def _key(wordnet_lemma):
    return wordnet_lemma.key()


def _lemma(wordnet_lemma):
    pos = _WORDNET_POS[wordnet_lemma.synset().pos()]
    return Lemma(wordnet_lemma.name().replace("_", " "), pos)


def _named_after_the_opposite(sense):
    """Hypernyms that are nouns of the opposite: the weight of lightness, depth of shallowness."""
    return {
        noun
        for antonym in sense.antonyms()
        for mate in antonym.synset().lemmas()
        for adjective in mate.derivationally_related_forms()
        if adjective.synset().pos() in "as"
        for noun in adjective.derivationally_related_forms()
    }


def _frame_overlap(sense, end):
    own = set(sense.frame_ids()) | set(sense.synset().frame_ids())
    other = set(end.frame_ids()) | set(end.synset().frame_ids())
    return len(own & other) / len(own) if own else 1.0


def _opposites(synsets):
    return [antonym for s in synsets for lemma in s.lemmas() for antonym in lemma.antonyms()]


def _opposites_of_adjective(adjective):
    return adjective.antonyms() or _opposites(adjective.synset().similar_tos())
