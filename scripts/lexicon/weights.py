"""Weights of near candidates and of opposites: which are drawn, and how often."""

from collections.abc import Callable

import numpy as np

from cline_fairseq.rewriting.kinds import Kind

from .candidates import NEAR, OPPOSITE, Lemma, Link, Relation
from .features import Features

MAX_CANDIDATES = 16  # that are drawn, of one list of a lemma
MIN_SHARE = 0.01  # of the draws from a list
TOTAL = 255  # what a list of a lemma weighs, but for rounding
MIN_OPPOSITE_SENSE = 0.1  # P(sense | word) of the senses that have the antonym

WordLinks = dict[tuple[Relation, Lemma], Link]
Weights = dict[tuple[Kind, Lemma], int]
Scores = Callable[[Lemma, WordLinks], dict[Lemma, float]]
_KIND = {
    Relation.SYNONYM: Kind.SYNONYM,
    Relation.HYPERNYM: Kind.HYPERNYM,
    Relation.ANTONYM: Kind.ANTONYM,
    Relation.INDIRECT_ANTONYM: Kind.INDIRECT_ANTONYM,
}


class ByModel:
    """Scores p^2, where p = P(accepted) is above a threshold."""

    def __init__(self, features: Features, acceptance, threshold: float):
        self.features, self.acceptance, self.threshold = features, acceptance, threshold

    def __call__(self, word: Lemma, links: WordLinks) -> dict[Lemma, float]:
        candidates, table = self.features.of(word, links)
        if not candidates:
            return {}
        p = self.acceptance(table)
        return {
            c: x * x for c, x in zip(candidates, p.tolist(), strict=True) if x > self.threshold
        }


class ByFormula:
    """Scores without human judgements: the sense shares of a word that is similar in two spaces."""

    MAX_RANK = 50_000  # in GloVe
    MIN_COSINE = 0.4  # mean of both spaces

    def __init__(self, features: Features):
        self.features = features

    def __call__(self, word: Lemma, links: WordLinks) -> dict[Lemma, float]:
        candidates, table = self.features.of(word, links)
        rank, cosine = (
            table[:, self.features.names.index(name)] for name in ("candidate_rank", "mean_cosine")
        )
        fit = (np.expm1(rank) < self.MAX_RANK) & (cosine > self.MIN_COSINE)
        scores = {}
        for i in np.flatnonzero(fit).tolist():
            share = sum(links[r, candidates[i]].share for r in NEAR if (r, candidates[i]) in links)
            if " " not in candidates[i].text:
                scores[candidates[i]] = share * float(np.exp(8 * cosine[i]))
        return scores


def near_weights(word: Lemma, links: WordLinks, scores: Scores) -> Weights:
    """Synonyms and hypernyms in one list; 0 for the ones that are not drawn.

    Words of an adjective's cluster count as hypernyms.
    """
    weights = weigh(scores(word, links))
    return {
        (_near_kind(links, candidate), candidate): weights.get(candidate, 0)
        for candidate in sorted({c for relation, c in links if relation in NEAR})
    }


def opposite_weights(links: WordLinks) -> Weights:
    """Direct and indirect antonyms in one list, by the share of the senses that have them."""
    direct = {c for relation, c in links if relation == Relation.ANTONYM}
    scores = {
        c: link.there * link.back**0.5
        for (relation, c), link in links.items()
        if relation in OPPOSITE and link.there >= MIN_OPPOSITE_SENSE
        if c in direct or " " not in c.text
    }
    return {
        (Kind.ANTONYM if c in direct else Kind.INDIRECT_ANTONYM, c): weight
        for c, weight in weigh(scores).items()
    }


def wordnet_weights(links: WordLinks) -> Weights:
    """The shares of WordNet's senses alone, each kind in a list of its own."""
    weights = {}
    for relation, kind in _KIND.items():
        shares = {c: link.share for (r, c), link in links.items() if r == relation}
        if kind == Kind.HYPERNYM:
            shares = {c: share for c, share in shares.items() if _near_kind(links, c) == kind}
        weights |= {(kind, c): weight for c, weight in weigh(shares).items()}
    return weights


def weigh(scores: dict[Lemma, float]) -> dict[Lemma, int]:
    """The best candidates with integer weights; names settle ties."""
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:MAX_CANDIDATES]
    total = sum(score for _, score in ranked)
    ranked = [(c, score / total) for c, score in ranked if score >= MIN_SHARE * total]
    return {c: max(1, round(TOTAL * share)) for c, share in ranked}


def _near_kind(links, candidate):
    return Kind.SYNONYM if (Relation.SYNONYM, candidate) in links else Kind.HYPERNYM
