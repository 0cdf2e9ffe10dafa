"""Tables of Hits, by similarity and layer, several checkpoints side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..runtime.markdown import markdown_table
from .bootstrap import Share, bootstrap_shares

# Titles of .similarities.SIMILARITY_FUNCTIONS, in the same order; importing these needs torch.
TITLES = {
    "cls_dot": "CLS, dot product",
    "cls_cosine": "CLS, cosine",
    "mean_cosine": "mean of tokens, cosine",
    "bert_score": "BERTScore",
}


class HitsReport(NamedTuple):
    """Hits of a checkpoint.

    Attributes:
        name: what the checkpoint is called in tables.
        hits: float64 (layers, similarities, 3), embeddings first: the fraction of triples whose
            original is closer to the synonym view, and both ends of its interval.
    """

    name: str
    hits: np.ndarray

    def share(self, layer: int, similarity: int) -> Share:
        """Return Hits of a layer by a similarity, given their indices."""
        return Share(*self.hits[layer, similarity].tolist())

    def best(self, similarity: int) -> int:
        """Return the layer with the highest Hits, and the first of these if several are equal."""
        return int(self.hits[:, similarity, 0].argmax())

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, keyed by similarity."""
        columns = {
            name: {
                "layers": [self.share(layer, i).as_dict() for layer in range(len(self.hits))],
                "best_layer": self.best(i),
            }
            for i, name in enumerate(TITLES)
        }
        return {"name": self.name, **columns}


def make_report(name: str, results: np.ndarray, resamples: int, seed: int = 1) -> HitsReport:
    """Average over triples, with 95 % bootstrap intervals.

    Args:
        name: what to call the checkpoint in tables.
        results: what :func:`~.hits.evaluate_hits` returns, float (triples, layers, similarities).
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    columns = results.reshape(len(results), -1)
    shares = bootstrap_shares(columns, np.ones_like(columns), resamples, seed)
    return HitsReport(name, np.array(shares).reshape(*results.shape[1:], 3))


def hits_table(reports: Sequence[HitsReport], shared_words: Share) -> str:
    """Compare checkpoints side by side in a Markdown table, in percent.

    Args:
        reports: one for each checkpoint, a column each. For every similarity, a row shows the layer
            with the highest Hits.
        shared_words: what counting shared words scores, shown in the last row; see
            :mod:`.shared_words`.
    """
    rows: list[list[object]] = []
    for i, title in enumerate(TITLES.values()):
        for layer in range(max(len(report.hits) for report in reports)):
            cells = [r.share(layer, i) if layer < len(r.hits) else "" for r in reports]
            rows.append([title, layer, *cells])
        best = [f"{r.share(r.best(i), i)}, layer {r.best(i)}" for r in reports]
        rows.append([title, "best", *best])
    rows.append(["number of shared words", None, *[shared_words] * len(reports)])
    return markdown_table(["similarity", "layer", *(report.name for report in reports)], rows)
