"""Tables of sentence similarity, several checkpoints side by side."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..runtime.markdown import markdown_table
from .bootstrap import LEVEL, Share
from .geometry import TIE, uniformity
from .sentence_pairs import ScoredPair, correlation_of_ranks, ranks, spearman

# Titles of ..inference.POOLS, in the same order; importing these needs torch.
TITLES = {"cls": "`<s>`", "mean": "mean of tokens"}


class SimilarityReport(NamedTuple):
    """Sentence similarity of a checkpoint.

    Attributes:
        name: what the checkpoint is called in tables.
        spearman: float64 (layers, poolings, 3), embeddings first: Spearman's correlation of cosines
            and scores, and both ends of its interval; NaN where all cosines are equal.
        alignment: for each pooling, the mean squared distance of similar pairs in the last layer;
            NaN if there are none.
        uniformity: for each pooling, the uniformity of all different sentences in the last layer.
    """

    name: str
    spearman: np.ndarray
    alignment: list[float]
    uniformity: list[float]

    def share(self, layer: int, pool: int) -> Share:
        """Return the correlation in a layer for a pooling, given their indices."""
        return Share(*self.spearman[layer, pool].tolist())

    def best(self, pool: int) -> int | None:
        """Return the layer with the highest correlation; None if no layer has one."""
        values = self.spearman[:, pool, 0]
        return None if np.isnan(values).all() else int(np.nanargmax(values))

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, keyed by pooling, with None instead of NaN."""
        columns = {}
        for i, pool in enumerate(TITLES):
            shares = [self.share(layer, i).as_dict() for layer in range(len(self.spearman))]
            columns[pool] = {
                "spearman": [{k: _plain(v) for k, v in share.items()} for share in shares],
                "best_layer": self.best(i),
                "alignment": _plain(self.alignment[i]),
                "uniformity": _plain(self.uniformity[i]),
            }
        return {"name": self.name, **columns}


def make_similarity_report(
    name: str,
    pairs: Sequence[ScoredPair],
    cosines: np.ndarray,
    last: np.ndarray,
    similar: float,
    resamples: int,
    seed: int = 1,
) -> SimilarityReport:
    """Correlate cosines with scores, with 95 % bootstrap intervals over the pairs.

    Args:
        name: what to call the checkpoint in tables.
        pairs: N pairs.
        cosines: float (layers, poolings, N); see :class:`~.sentence_similarity.PairVectors`.
        last: float (poolings, 2, N, C), the vectors of the last layer.
        similar: minimum score of the pairs that alignment is measured on.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    scores = np.array([pair.score for pair in pairs])
    places = {text: i for i, text in enumerate(t for column in _texts(pairs) for t in column)}
    different = list(places.values())
    is_similar = scores >= similar
    alignment, spread = [], []
    for vectors in last:
        squared = ((vectors[0] - vectors[1]) ** 2).sum(1)[is_similar]
        alignment.append(float(squared.mean()) if is_similar.any() else math.nan)
        spread.append(uniformity(vectors.reshape(-1, vectors.shape[2])[different]))
    columns = cosines.reshape(-1, len(pairs))
    correlations = _correlations(columns, scores, resamples, seed).reshape(*cosines.shape[:2], 3)
    return SimilarityReport(name, correlations, alignment, spread)


def similarity_tables(reports: Sequence[SimilarityReport]) -> str:
    """Compare checkpoints side by side in Markdown: correlation times 100 by layer, and alignment
    and uniformity of the last layer.

    Args:
        reports: one for each checkpoint, a column each.
    """
    rows: list[list[object]] = []
    spaces: list[list[object]] = []
    for i, title in enumerate(TITLES.values()):
        for layer in range(max(len(report.spearman) for report in reports)):
            shares = [r.share(layer, i) if layer < len(r.spearman) else None for r in reports]
            rows.append([title, layer, *map(_cell, shares)])
        best = [_best_cell(report, i) for report in reports]
        rows.append([title, "best", *best])
        for measure in ("alignment", "uniformity"):
            values = [getattr(report, measure)[i] for report in reports]
            texts = (None if math.isnan(value) else f"{value:.3f}" for value in values)
            spaces.append([title, measure, *texts])
    names = [report.name for report in reports]
    return (
        markdown_table(["pooling", "layer", *names], rows)
        + "\n"
        + markdown_table(["pooling", "last layer", *names], spaces)
    )


def _texts(pairs):
    return [pair.first for pair in pairs], [pair.second for pair in pairs]


def _correlations(columns, scores, resamples, seed):
    """Spearman's correlation of each column with its interval, all from the same draws; NaN if the
    cosines of a column differ by rounding only."""
    result = np.full((len(columns), 3), math.nan)
    used = [i for i, column in enumerate(columns) if np.ptp(column) > TIE]
    rng, drawn = np.random.default_rng(seed), np.empty((resamples, len(used)))
    for row in drawn:
        draw = rng.integers(0, len(scores), len(scores))
        drawn_ranks = ranks(scores[draw])
        row[:] = [correlation_of_ranks(ranks(columns[i][draw]), drawn_ranks) for i in used]
    tail = 50 * (1 - LEVEL)
    for i, values in zip(used, drawn.T, strict=True):
        low, high = np.nanpercentile(values, [tail, 100 - tail])
        result[i] = spearman(columns[i], scores), low, high
    return result


def _cell(share):
    return None if share is None or math.isnan(share.value) else share


def _best_cell(report, pool):
    layer = report.best(pool)
    return None if layer is None else f"{report.share(layer, pool)}, layer {layer}"


def _plain(value):
    return None if math.isnan(value) else value
