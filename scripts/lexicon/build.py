"""From WordNet, a corpus and judgements to a lexicon."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cline_fairseq.rewriting.kinds import Kind
from cline_fairseq.rewriting.lexicon import LexiconData
from tagger.tagged_text import read_tagged

from .acceptance import Examples, accept, cross_validated, summary
from .assembly import assemble, count_words
from .candidates import Lemma, Links, Relation, WordNet, blocked_words
from .classes import classmates
from .cohyponyms import by_similarity, cohyponyms
from .features import Resources, Table, make_table
from .judgements import read_judgements, tokens_of
from .slots import Slots
from .unfit import Unfit
from .vectors import GloVe, SkipGram
from .weights import (
    Weights,
    by_formula,
    by_model,
    fit_of_words,
    least_acceptance,
    least_by_word,
    near_weights,
    opposite_weights,
    weigh,
    wordnet_weights,
)

MIN_COUNT = 5  # in the corpus, of a word that GloVe does not know, or hardly
MAX_RANK = 200_000  # in GloVe
COMMON_RANK, COMMON_COUNT = 50_000, 20  # in GloVe and in the corpus, of an opposite


def build_lexicon(
    corpus,
    tagged: list[Path],
    weights: str = "model",
    skipgram: Path | None = None,
    judgements: Path | None = None,
    held_out: Path | None = None,
    threshold: float = 0.03,
) -> LexiconData:
    """Build a lexicon.

    Args:
        corpus: NLTK's corpus reader of WordNet.
        tagged: files of a tagged corpus.
        weights: ``model``, ``formula`` or ``wordnet``.
        skipgram: vectors of the corpus; not needed for ``wordnet``.
        judgements: CoInCo; needed for ``model``.
        held_out: a data set of SWORDS whose words are left out of the judgements.
        threshold: synonyms that are accepted with at most this probability are left out; more is
            asked of hypernyms and of rare words.
    """
    blocked = blocked_words()
    wordnet = WordNet(corpus, blocked)
    counts = count_words(_words_of(tagged))
    links = wordnet.links()
    if weights == "wordnet":
        found = {word: wordnet_weights(links[word]) for word in links}
        add_classes(found)
        return assemble(found, counts, wordnet.sense_counts(), blocked, lambda form: True)

    resources = Resources(wordnet, GloVe(), SkipGram(skipgram), Slots(_words_of(tagged)))
    is_known = _known_words(counts, resources.glove)
    links = _of_known_words(links, is_known)
    near = make_table(links, resources)
    far = make_table(cohyponyms(links, resources), resources, (Relation.COHYPONYM,))
    unfit = Unfit()
    if weights == "model":
        left_out = tokens_of(held_out) if held_out else set()
        judged = [j for j in read_judgements(judgements) if j.token not in left_out]
        examples = Examples(judged, near)
        least = least_acceptance(near, threshold)
        scores = by_model(cross_validated(examples), least[examples.row])
        print(summary(examples, len(judged), scores))
        acceptance = accept(examples, near)
        least = least_by_word(near, acceptance, least)
        near_scores = without(by_model(acceptance, least), near, unfit.near)
        fit = fit_of_words(near, acceptance, near_scores, unfit.is_seldom)
        far_scores = by_similarity(far, accept(Examples(judged, far), far))
    else:
        near_scores = without(by_formula(near), near, unfit.near)
        fit = dict.fromkeys(links, 1.0)
        far_scores = by_similarity(far, 0)
    far_scores = without(far_scores, far, unfit.far)

    is_common = is_common_in(resources)
    found = {}
    for word in links:
        found[word] = near_weights(word, links[word], near.scores(word, near_scores), fit[word])
        fitting = {
            (relation, c): link
            for (relation, c), link in links[word].items()
            if is_common(c) and not unfit.far(word, c)
        }
        found[word] |= opposite_weights(fitting)
        if word in far.rows:
            weighed = weigh(far.scores(word, far_scores))
            found[word] |= {(Kind.COHYPONYM, c): weight for c, weight in weighed.items()}
    add_classes(found)
    return assemble(found, counts, wordnet.sense_counts(), blocked, is_known)


def without(
    scores: np.ndarray, table: Table, is_unfit: Callable[[Lemma, Lemma], bool]
) -> np.ndarray:
    """The scores, 0 for pairs of a word and a candidate that are unfit."""
    pairs = zip(table.words(), table.candidates, strict=True)
    return np.where([is_unfit(*pair) for pair in pairs], 0, scores)


def _words_of(tagged):
    return (pair for path in tagged for line in read_tagged(path) for pair in line)


def add_classes(weights: dict[Lemma, Weights]) -> None:
    """Give numbers, days, colours and nationalities their co-hyponyms.

    Indirect antonyms go: to WordNet that of *third* is *cardinal*.
    """
    for word, scores in classmates().items():
        kept = {
            (kind, c): weight
            for (kind, c), weight in weights.get(word, {}).items()
            if kind not in (Kind.INDIRECT_ANTONYM, Kind.COHYPONYM)
        }
        weights[word] = kept | {(Kind.COHYPONYM, c): w for c, w in scores.items()}


def is_common_in(resources: Resources) -> Callable[[Lemma], bool]:
    """Whether a word is frequent enough to be an opposite."""
    glove, skipgram = resources.glove, resources.skipgram
    return lambda lemma: (
        glove.rank(lemma) < COMMON_RANK
        and (" " in lemma.text or skipgram.count(lemma) >= COMMON_COUNT)
    )


def _known_words(counts, glove) -> Callable[[str], bool]:
    """Whether the corpus or GloVe knows each word of a form."""
    seen = Counter()
    for (form, _), count in counts.items():
        seen[form] += count

    def is_known(form):
        return seen[form] >= MIN_COUNT or all(
            seen[word] >= MIN_COUNT or glove.rank_of(word) < MAX_RANK for word in form.split(" ")
        )

    return is_known


def _of_known_words(links: Links, is_known) -> Links:
    found = {
        word: {(r, c): link for (r, c), link in them.items() if is_known(c.text)}
        for word, them in links.items()
        if is_known(word.text)
    }
    return {word: them for word, them in found.items() if them}
