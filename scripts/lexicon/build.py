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
from .candidates import (
    Lemma,
    Links,
    Relation,
    WordNet,
    blocked_words,
    drop_contradictions,
)
from .classes import classmates
from .cohyponyms import by_similarity, cohyponyms
from .features import Resources, Table, make_table
from .judgements import read_judgements, tokens_of
from .listed import add_listed, listed_opposites
from .opposites import Opposites
from .slots import Slots
from .transitivity import Transitivity
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
    weigh,
    wordnet_weights,
)

MIN_COUNT = 5  # in the corpus, of a word that GloVe does not know, or hardly
MAX_RANK = 200_000  # in GloVe


def build_lexicon(
    corpus,
    tagged: list[Path],
    weights: str = "model",
    skipgram: Path | None = None,
    judgements: Path | None = None,
    held_out: Path | None = None,
    threshold: float = 0.035,
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
    if weights != "wordnet":
        add_listed(links, wordnet, listed_opposites())
    drop_contradictions(links)
    if weights == "wordnet":
        found = {word: wordnet_weights(links[word]) for word in links}
        add_classes(found)
        return assemble(found, counts, wordnet.sense_counts(), blocked, lambda form: True)

    resources = Resources(wordnet, GloVe(), SkipGram(skipgram), Slots(_words_of(tagged)))
    is_known = _known_words(counts, resources.glove)
    links = _of_known_words(links, is_known)
    near = make_table(links, resources)
    far = make_table(cohyponyms(links, resources), resources, (Relation.COHYPONYM,))
    unfit, transitivity = Unfit(), Transitivity(wordnet)
    if weights == "model":
        left_out = tokens_of(held_out) if held_out else set()
        judged = [j for j in read_judgements(judgements) if j.token not in left_out]
        examples = Examples(judged, near)
        least = least_acceptance(near, threshold)
        scores = by_model(cross_validated(examples), least[examples.row])
        print(summary(examples, len(judged), scores))
        acceptance = accept(examples, near)
        near_scores = by_model(acceptance, least_by_word(near, acceptance, least))
        far_scores = by_similarity(far, accept(Examples(judged, far), far))
    else:
        acceptance = None
        near_scores, far_scores = by_formula(near), by_similarity(far, 0)
    near_scores = scaled(scaled(near_scores, near, transitivity.fits), near, unfit.near)
    far_scores = scaled(far_scores, far, unfit.far)
    fit = dict.fromkeys(links, 1.0)
    if acceptance is not None:
        fit = fit_of_words(near, acceptance, near_scores, unfit.is_seldom)

    opposites = Opposites(resources, transitivity, unfit)
    found = {}
    for word in links:
        found[word] = near_weights(word, links[word], near.scores(word, near_scores), fit[word])
        found[word] |= opposites.weights(word, links[word])
        if word in far.rows:
            weighed = weigh(far.scores(word, far_scores))
            found[word] |= {(Kind.COHYPONYM, c): weight for c, weight in weighed.items()}
    add_classes(found)
    return assemble(found, counts, wordnet.sense_counts(), blocked, is_known)


def scaled(scores: np.ndarray, table: Table, weight: Callable[[Lemma, Lemma], float]) -> np.ndarray:
    """The scores times the weights of their pairs of a word and a candidate."""
    pairs = zip(table.words(), table.candidates, strict=True)
    weights = [weight(*pair) if score else 0 for score, pair in zip(scores, pairs, strict=True)]
    return scores * np.array(weights, float)


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
