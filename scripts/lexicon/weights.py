"""Weights of near candidates: which are drawn, and how often."""

from collections.abc import Callable

import numpy as np

from cline_fairseq.rewriting.kinds import Kind

from .candidates import NEAR, Lemma, Link, Relation
from .features import Table

MAX_CANDIDATES = 16  # that are drawn, of one list of a lemma
MIN_SHARE = 0.02  # of the draws from a list
TOTAL = 255  # what a list of a lemma weighs, but for rounding
SHARPNESS = 3  # the power of the probability of acceptance
# How many times as probable hypernyms must be, and candidates where the corpus hardly has the word
# or the candidate: people judged few of these.
OF_HYPERNYMS, OF_RARE = 3.2, 6.5
OF_WORDS_WITHOUT = 0.5  # times as probable, if no candidate of a word would be drawn otherwise
# A word is always replaced if its draws are accepted with at least this mean probability. Otherwise
# it is replaced with the square of the ratio as the probability. The judgements of a draw agree
# with the predicted probability.
ENOUGH = 0.3
SELDOM = 0.1  # times as often, words whose candidates a reader found mostly wrong
LEAST_OFTEN = 0.05  # the probability of replacing a word that has candidates, at least
FORMULA_RANK = 50_000  # in GloVe, of a candidate, and
FORMULA_COSINE = 0.4  # its least mean cosine

WordLinks = dict[tuple[Relation, Lemma], Link]
Weights = dict[tuple[Kind, Lemma], int]
_KIND = {
    Relation.SYNONYM: Kind.SYNONYM,
    Relation.HYPERNYM: Kind.HYPERNYM,
    Relation.ANTONYM: Kind.ANTONYM,
    Relation.INDIRECT_ANTONYM: Kind.INDIRECT_ANTONYM,
}


def least_acceptance(table: Table, threshold: float) -> np.ndarray:
    """The probability of acceptance that each candidate must exceed to be drawn: (candidates,)."""
    only_hypernym = ~table.has(Relation.SYNONYM) & ~table.has(Relation.SIMILAR)
    return threshold * np.where(_is_rare(table), OF_RARE, np.where(only_hypernym, OF_HYPERNYMS, 1))


def least_by_word(table: Table, acceptance: np.ndarray, least: np.ndarray) -> np.ndarray:
    """``least``, lowered for words that have no candidate above it, except for rare pairs."""
    lowered = np.where(_is_rare(table), least, least * OF_WORDS_WITHOUT)
    for part in table.rows.values():
        if (acceptance[part] > least[part]).any():
            lowered[part] = least[part]
    return lowered


def _is_rare(table):
    """Whether the corpus hardly has the word or the candidate: bool (candidates,)."""
    counts = (table.column("count"), table.column("candidate_count"))
    return (counts[0] == 0) | ((counts[1] == 0) & (table.column("words") == 1))


def by_model(acceptance: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Scores of candidates by their probabilities of acceptance, where these exceed the least."""
    return np.where(acceptance > least, acceptance**SHARPNESS, 0)


def by_formula(table: Table) -> np.ndarray:
    """Scores without human judgements: WordNet's shares, of words that are alike in both spaces."""
    share = sum(np.exp(table.column(f"{relation.name.lower()}_share")) for relation in NEAR)
    cosine = table.column("cosine")
    fit = (np.expm1(table.column("candidate_rank")) < FORMULA_RANK) & (cosine > FORMULA_COSINE)
    return np.where(fit & (table.column("words") == 1), share * np.exp(8 * cosine), 0)


def near_weights(word: Lemma, links: WordLinks, scores: dict[Lemma, float], fit: float) -> Weights:
    """Synonyms and hypernyms in one list; 0 for the ones that are not drawn.

    Words of an adjective's cluster count as hypernyms. The word itself has the weight that is left,
    so that it stays as often.

    Args:
        word: the word.
        links: its links.
        scores: of its candidates.
        fit: how often it is replaced, from 0 to 1.
    """
    weights = weigh(scores, round(TOTAL * fit))
    found = {(_near_kind(links, c), c): weights.get(c, 0) for c in scores}
    if weights and fit < 1:
        for kind in (Kind.SYNONYM, Kind.HYPERNYM):
            share = sum(w for (k, _), w in found.items() if k == kind) / sum(weights.values())
            if own := round(TOTAL * (1 - fit) * share):
                found[kind, word] = own
    return found


def fit_of_words(
    table: Table,
    acceptance: np.ndarray,
    scores: np.ndarray,
    is_seldom: Callable[[Lemma], bool],
) -> dict[Lemma, float]:
    """How often each word is replaced: the more rarely, the less acceptable its candidates are."""
    found = {}
    for word, part in table.rows.items():
        found[word] = 0.0
        if total := scores[part].sum():
            mean = float((scores[part] * acceptance[part]).sum() / total)
            often = min(1.0, mean / ENOUGH) ** 2 * (SELDOM if is_seldom(word) else 1)
            found[word] = max(often, LEAST_OFTEN)
    return found


def wordnet_weights(links: WordLinks) -> Weights:
    """The shares of WordNet's senses alone, each kind in a list of its own."""
    weights = {}
    for relation, kind in _KIND.items():
        shares = {c: link.share for (r, c), link in links.items() if r == relation}
        if kind == Kind.HYPERNYM:
            shares = {c: share for c, share in shares.items() if _near_kind(links, c) == kind}
        weights |= {(kind, c): weight for c, weight in weigh(shares).items()}
    return weights


def weigh(scores: dict[Lemma, float], in_all: int = TOTAL) -> dict[Lemma, int]:
    """The best candidates with integer weights, ``in_all`` together; names settle ties."""
    some = ((c, score) for c, score in scores.items() if score > 0)
    ranked = sorted(some, key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
    total = sum(score for _, score in ranked)
    ranked = [(c, score / total) for c, score in ranked if score >= MIN_SHARE * total]
    weights = {c: round(in_all * share) for c, share in ranked}
    return {c: weight for c, weight in weights.items() if weight}


def _near_kind(links, candidate):
    return Kind.SYNONYM if (Relation.SYNONYM, candidate) in links else Kind.HYPERNYM
