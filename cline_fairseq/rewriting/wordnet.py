"""Building a lexicon from WordNet, with lemminflect for the inflections.

Only ``scripts/build_lexicon.py`` needs this module, and with it NLTK and lemminflect.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import lemminflect
import numpy as np
from tqdm import tqdm

from .kinds import Kind
from .lexicon import RESOURCES, LexiconData
from .tags import INFLECTIONS, TAG_INDEX, fold_tag

# Words that hold a sentence together: replacing them changes its grammar, not its content. They
# are neither replaced nor used as replacements, in any form.
_FUNCTION_WORDS = {
    "VERB": "be have do can could may might must shall should will would need dare ought let",
    "NOUN": "will may can might must no not don do none one other something nothing anything",
    "ADJ": "no none such own which what",
    "ADV": "not no never neither nor hardly scarcely barely n't as so there how why when where",
}
_WORD = re.compile(r"[a-z]{2,}(?:[-'][a-z]+)*")
_PHRASE = re.compile(r"[a-z]{2,}(?:[-' ][a-z]+)*")
_WORDNET_POS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "s": "ADJ", "r": "ADV"}

MAX_CANDIDATES = 16  # of one kind for one lemma
MIN_SHARE = 0.01  # of the draws of one kind for one lemma
MIN_DEPTH = {"NOUN": 5, "VERB": 1}  # of hypernyms: entity or act say nothing
MIN_POOL_COUNT = 5  # in the corpus, of a random word


class Lemma(NamedTuple):
    """A word with its part of speech, the unit that WordNet relates."""

    text: str
    pos: str


def build_lexicon(wordnet, tagged_words: Iterable[tuple[str, str]]) -> LexiconData:
    """Build a lexicon.

    Args:
        wordnet: NLTK's corpus reader.
        tagged_words: words of a corpus with Penn tags. Their counts are the frequencies of the
            random words, and settle homographs together with WordNet's sense counts.
    """
    blocked = blocked_words()
    relations = _relations(wordnet, blocked)
    lemmas = sorted(set(relations) | {c for kinds in relations.values() for _, c in kinds})
    lemma_id = {lemma: i for i, lemma in enumerate(lemmas)}
    counts = Counter((word.lower(), TAG_INDEX[fold_tag(tag)]) for word, tag in tagged_words)
    spelled = {
        lemma: {
            tag: sorted(spellings, key=lambda form: -counts[form, TAG_INDEX[tag]])
            for tag, spellings in _inflect(lemma).items()
        }
        for lemma in tqdm(lemmas, desc="inflecting", unit="lemma")
    }

    entries = sorted(
        {
            (TAG_INDEX[tag], lemma_id[lemma], i, form)
            for lemma, forms in spelled.items()
            for tag, spellings in forms.items()
            for i, form in enumerate(spellings)
            if form not in blocked
        }
    )
    forms = sorted({form for *_, form in entries})
    form_id = {form: i for i, form in enumerate(forms)}

    pairs = []
    for lemma, kinds in relations.items():
        for kind in Kind:
            weights = {c: w for (k, c), w in kinds.items() if k == kind}
            for candidate, share in _strongest(weights):
                weight = max(1, round(255 * share))
                pairs.append((lemma_id[lemma], kind, lemma_id[candidate], weight))
    pairs.sort()

    lemma_count = np.zeros(len(lemmas), np.int64)
    for lemma, i in lemma_id.items():
        lemma_count[i] = sum(
            counts[form, TAG_INDEX[tag]]
            for tag, spellings in spelled[lemma].items()
            for form in spellings
        )
    sense_count = _sense_counts(wordnet)
    rank = np.array([sense_count[lemma] for lemma in lemmas])
    lemma_count = np.minimum(lemma_count + 100 * rank, np.iinfo(np.int32).max)

    pool = _random_pool(entries, lemmas, set(relations), counts)
    tag, lemma, _, form = zip(*entries, strict=True)
    return LexiconData(
        forms=np.frombuffer("\n".join(forms).encode(), np.uint8),
        entry_lemma=np.array(lemma, np.int32),
        entry_tag=np.array(tag, np.uint8),
        entry_form=np.array([form_id[f] for f in form], np.int32),
        lemma_count=lemma_count.astype(np.int32),
        pair_lemma=np.array([p[0] for p in pairs], np.int32),
        pair_kind=np.array([p[1] for p in pairs], np.uint8),
        pair_candidate=np.array([p[2] for p in pairs], np.int32),
        pair_weight=np.array([p[3] for p in pairs], np.uint8),
        pool_entry=np.array([e for e, _ in pool], np.int32),
        pool_count=np.array([c for _, c in pool], np.int32),
    )


def blocked_words() -> set[str]:
    """The words of ``resources/blocked_words.txt``: slurs, which must never be written."""
    lines = (RESOURCES / "blocked_words.txt").read_text(encoding="utf-8").splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def _relations(wordnet, blocked) -> dict[Lemma, dict[tuple[Kind, Lemma], float]]:
    """For each lemma that may be replaced: P(candidate | lemma) for each kind and candidate.

    P(candidate | lemma) is the sum of P(sense | lemma) P(candidate | sense) over the senses that
    relate the two, both estimated from WordNet's sense counts.
    """
    adverbs = _adverbs_of_adjectives(wordnet)
    relations = defaultdict(Counter)
    names = sorted({name for pos in "nvar" for name in wordnet.all_lemma_names(pos=pos)})
    for name in tqdm(names, desc="relating", unit="word"):
        for pos in "nvar":
            lemma = Lemma(name, _WORDNET_POS[pos])
            if not _WORD.fullmatch(name) or _left_out(lemma, blocked):
                continue
            for sense, p_sense in _senses(wordnet, name, pos):
                for kind, candidate, p in _candidates(sense, adverbs):
                    fits = candidate.text != name and _PHRASE.fullmatch(candidate.text)
                    if fits and not _left_out(candidate, blocked):
                        relations[lemma][kind, candidate] += p_sense * p
    for kinds in relations.values():
        _drop_contradictions(kinds)
    return dict(relations)


def _left_out(lemma, blocked):
    if lemma.text in blocked or lemma.text in _FUNCTION_WORDS[lemma.pos].split():
        return True
    # Plurals that WordNet lists as words of their own (glasses) have no plural to take.
    head = lemma.text.split(" ")[-1]
    known = lemminflect.getAllLemmas(head, upos="NOUN").get("NOUN", (head,))
    return lemma.pos == "NOUN" and head not in known


def _drop_contradictions(kinds):
    """A word is no synonym and antonym at once: the antonym wins, and the direct relation."""
    stronger = (Kind.ANTONYM, Kind.SYNONYM, Kind.HYPERNYM, Kind.INDIRECT_ANTONYM)
    for kind, candidate in list(kinds):
        if any((other, candidate) in kinds for other in stronger[: stronger.index(kind)]):
            del kinds[kind, candidate]


def _senses(wordnet, name, pos):
    """The senses of a word, each the word's WordNet lemma in a synset, with P(sense | word)."""
    senses = [
        next(lemma for lemma in synset.lemmas() if lemma.name().lower() == name)
        for synset in wordnet.synsets(name, pos)
        if any(lemma.name() == name for lemma in synset.lemmas())
    ]
    # WordNet lists senses by frequency; the rank speaks where no count does.
    weights = np.array([lemma.count() + 1 / (i + 1) for i, lemma in enumerate(senses)])
    return zip(senses, weights / weights.sum(), strict=True)


def _candidates(sense, adverbs) -> Iterator[tuple[Kind, Lemma, float]]:
    """The candidates of one sense of a word with P(candidate | sense)."""
    synset = sense.synset()
    pos = _WORDNET_POS[synset.pos()]
    for candidate, p in _members(synset, pos, without=sense):
        yield Kind.SYNONYM, candidate, p
    hypernyms = [h for h in synset.hypernyms() if h.min_depth() >= MIN_DEPTH[pos]]
    for hypernym in hypernyms:
        for candidate, p in _members(hypernym, pos):
            yield Kind.HYPERNYM, candidate, p / len(hypernyms)
    for antonym in sense.antonyms():
        yield Kind.ANTONYM, _lemma(antonym, pos), 1.0
    indirect = [_lemma(lemma, pos) for lemma in _indirect_antonyms(sense, adverbs)]
    for candidate in indirect:
        yield Kind.INDIRECT_ANTONYM, candidate, 1 / len(indirect)


def _members(synset, pos, without=None):
    members = [lemma for lemma in synset.lemmas() if lemma != without]
    weights = np.array([lemma.count() + 0.5 for lemma in members])
    for lemma, p in zip(members, weights / weights.sum(), strict=True):
        yield _lemma(lemma, pos), p


def _lemma(wordnet_lemma, pos):
    return Lemma(wordnet_lemma.name().replace("_", " "), pos)


def _indirect_antonyms(sense, adverbs):
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
            for adverb in adverbs[opposite]
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


def _opposites(synsets):
    return [antonym for s in synsets for lemma in s.lemmas() for antonym in lemma.antonyms()]


def _opposites_of_adjective(adjective):
    return adjective.antonyms() or _opposites(adjective.synset().similar_tos())


def _adverbs_of_adjectives(wordnet):
    adverbs = defaultdict(list)
    for synset in wordnet.all_synsets("r"):
        for adverb in synset.lemmas():
            for adjective in adverb.pertainyms():
                adverbs[adjective].append(adverb)
    return adverbs


def _sense_counts(wordnet):
    counts = Counter()
    for synset in wordnet.all_synsets():
        for lemma in synset.lemmas():
            counts[_lemma(lemma, _WORDNET_POS[synset.pos()])] += lemma.count()
    return counts


def _strongest(weights: dict[Lemma, float]) -> list[tuple[Lemma, float]]:
    """The heaviest candidates with their shares; names settle ties."""
    ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
    total = sum(weight for _, weight in ranked)
    shares = [(candidate, weight / total) for candidate, weight in ranked]
    return [(candidate, share) for candidate, share in shares if share >= MIN_SHARE]


def _inflect(lemma: Lemma) -> dict[str, tuple[str, ...]]:
    """The forms of a lemma by tag: ``{"NN": ("mouse",), "NNS": ("mice",)}``.

    A phrase is inflected at its head: the first word of a verb (looked at), the last of a noun
    (motor vehicles) unless a preposition follows the first (points of view).
    """
    words = lemma.text.split(" ")
    if len(words) == 1:
        return _inflect_word(lemma)
    if lemma.pos in ("ADJ", "ADV"):
        return {INFLECTIONS[lemma.pos][0]: (lemma.text,)}
    first = lemma.pos == "VERB" or words[1] in ("of", "in", "to", "at", "on", "for")
    head = 0 if first else len(words) - 1
    forms = _inflect_word(Lemma(words[head], lemma.pos))
    return {
        tag: (" ".join([*words[:head], spellings[0], *words[head + 1 :]]),)
        for tag, spellings in forms.items()
    }


def _inflect_word(lemma):
    known = lemminflect.getAllInflections(lemma.text, upos=lemma.pos)
    if not known and lemma.pos in ("NOUN", "VERB"):
        known = lemminflect.getAllInflectionsOOV(lemma.text, upos=lemma.pos)
    if "VBN" not in known and "VBD" in known:  # lemminflect leaves out participles like walked
        known = known | {"VBN": known["VBD"]}
    base = INFLECTIONS[lemma.pos][0]
    forms = {base: (lemma.text,)}
    for tag in INFLECTIONS[lemma.pos][1:]:
        spellings = tuple(s for s in known.get(tag, ()) if _WORD.fullmatch(s))
        if spellings:
            forms[tag] = spellings
    return forms


def _random_pool(entries, lemmas, replaceable, counts):
    """Entries of the corpus that random words are drawn from, with their counts."""
    pool = []
    seen = set()
    for i, (tag, lemma, _, form) in enumerate(entries):
        count = counts[form, tag]
        if count >= MIN_POOL_COUNT and lemmas[lemma] in replaceable and (form, tag) not in seen:
            seen.add((form, tag))
            pool.append((i, count))
    return pool
