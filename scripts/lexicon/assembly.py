"""A lexicon file of weighted candidates."""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from tqdm import tqdm

from cline_fairseq.rewriting.kinds import Kind
from cline_fairseq.rewriting.lexicon import LexiconData
from cline_fairseq.rewriting.tags import TAG_INDEX, fold_tag

from .candidates import Lemma, is_function_word
from .classes import ONE_FORM
from .inflections import inflect
from .weights import Weights

MIN_POOL_COUNT = 5  # in the corpus, of a random word
MIN_NOUN_COUNT = 100  # in the corpus, of a noun whose rare number is left out
MIN_NUMBER_PART = 0.01  # of a number that is not rare, among both

Counts = dict[tuple[str, int], int]  # of a form with a tag, an index into TAGS


def count_words(tagged_words: Iterable[tuple[str, str]]) -> Counts:
    """How often a corpus has each form with each tag."""
    tag_index = {}
    counts = Counter()
    for word, tag in tagged_words:
        if tag not in tag_index:
            tag_index[tag] = TAG_INDEX[fold_tag(tag)]
        counts[word.lower(), tag_index[tag]] += 1
    return counts


def assemble(
    weights: dict[Lemma, Weights],
    counts: Counts,
    sense_counts: dict[Lemma, int],
    blocked: set[str],
    is_known: Callable[[str], bool],
) -> LexiconData:
    """The arrays of a lexicon.

    Args:
        weights: for each lemma its candidates, by kind.
        counts: the frequencies of the random words. They settle homographs together with
            ``sense_counts``.
        sense_counts: how often WordNet's tagged corpus has each lemma.
        blocked: forms that must not be in it.
        is_known: whether anybody writes a form; lemminflect's guesses are checked by it.
    """
    lemmas = sorted(set(weights) | {c for ws in weights.values() for (_, c), w in ws.items() if w})
    lemma_id = {lemma: i for i, lemma in enumerate(lemmas)}
    spelled = {
        lemma: in_usual_number(
            {
                tag: sorted(spellings, key=lambda form: -counts.get((form, TAG_INDEX[tag]), 0))
                for tag, spellings in _forms(lemma, is_known).items()
            },
            counts,
        )
        for lemma in tqdm(lemmas, desc="inflecting", unit="lemma")
    }
    entries = sorted(
        (TAG_INDEX[tag], lemma_id[lemma], i, form)
        for lemma, forms in spelled.items()
        for tag, spellings in forms.items()
        for i, form in enumerate(spellings)
        if form not in blocked and not is_function_word(form, lemma.pos)
    )
    # Words that only have co-hyponyms are names and numbers.
    drawable = {
        lemma_id[lemma]
        for lemma, found in weights.items()
        if any(kind != Kind.COHYPONYM for kind, _ in found)
    }
    numbered = [(i, *entry) for i, entry in enumerate(entries) if entry[1] in drawable]
    pool = _random_pool(numbered, counts)
    # A candidate of weight 0 matters only where it could be drawn as a random word.
    random = {entries[i][1] for i, _ in pool}
    pairs = sorted(
        (lemma_id[lemma], kind, lemma_id[candidate], weight)
        for lemma, found in weights.items()
        for (kind, candidate), weight in found.items()
        if weight or lemma_id.get(candidate) in random
    )

    seen = np.zeros(len(lemmas), np.int64)
    for tag, lemma, _, form in entries:
        seen[lemma] += counts.get((form, tag), 0)
    seen += 100 * np.array([sense_counts.get(lemma, 0) for lemma in lemmas])

    forms = sorted({form for *_, form in entries})
    form_id = {form: i for i, form in enumerate(forms)}
    tag, lemma, _, form = zip(*entries, strict=True)
    return LexiconData(
        forms=np.frombuffer("\n".join(forms).encode(), np.uint8),
        entry_lemma=np.array(lemma, np.int32),
        entry_tag=np.array(tag, np.uint8),
        entry_form=np.array([form_id[f] for f in form], np.int32),
        lemma_count=np.minimum(seen, np.iinfo(np.int32).max).astype(np.int32),
        pair_lemma=np.array([p[0] for p in pairs], np.int32),
        pair_kind=np.array([p[1] for p in pairs], np.uint8),
        pair_candidate=np.array([p[2] for p in pairs], np.int32),
        pair_weight=np.array([p[3] for p in pairs], np.uint8),
        pool_entry=np.array([e for e, _ in pool], np.int32),
        pool_count=np.array([c for _, c in pool], np.int32),
    )


def _forms(lemma, is_known):
    if lemma.pos in ONE_FORM:
        return {ONE_FORM[lemma.pos]: (lemma.text,)}
    return inflect(lemma.text, lemma.pos, is_known)


def in_usual_number(forms: dict[str, list[str]], counts: Counts) -> dict[str, list[str]]:
    """Leave out the plural of what is not counted (furnitures), or the singular (a trouser).

    Args:
        forms: the forms of a lemma by tag.
        counts: of the forms.
    """
    if not {"NN", "NNS"} <= forms.keys():
        return forms
    seen = {
        tag: sum(counts.get((form, TAG_INDEX[tag]), 0) for form in forms[tag])
        for tag in ("NN", "NNS")
    }
    unusual = {tag for tag in seen if sum(seen.values()) >= MIN_NOUN_COUNT}
    unusual = {tag for tag in unusual if seen[tag] < MIN_NUMBER_PART * sum(seen.values())}
    return {tag: spellings for tag, spellings in forms.items() if tag not in unusual}


def _random_pool(entries, counts):
    """Entries that random words are drawn from, with the counts of the corpus."""
    pool, seen = [], set()
    for i, tag, _, _, form in entries:
        count = counts.get((form, tag), 0)
        if count >= MIN_POOL_COUNT and (form, tag) not in seen:
            seen.add((form, tag))
            pool.append((i, count))
    return pool
