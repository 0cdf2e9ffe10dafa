"""Tables of Hits, by similarity and layer, several checkpoints side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..runtime.markdown import markdown_table
from .bootstrap import Share, bootstrap_shares

# Of .similarities.SIMILARITY_FUNCTIONS, which needs torch; in the same order.
TITLES = {
    "cls_dot": "CLS, dot product",
    "cls_cosine": "CLS, cosine",
    "mean_cosine": "mean of tokens, cosine",
    "bert_score": "BERTScore",
}


class HitsReport(NamedTuple):
    """Of a checkpoint.

    Attributes:
        name: of the checkpoint.
        hits: float64 (layers, similarities, 3), embeddings first: shares of the triples whose
            original is closer to the synonym view, lower and upper ends of their intervals.
    """

    name: str
    hits: np.ndarray

    def share(self, layer: int, similarity: int) -> Share:
        """One of the shares."""
        return Share(*self.hits[layer, similarity].tolist())

    def best(self, similarity: int) -> int:
        """The layer with the highest Hits, the first of them in a tie."""
        return int(self.hits[:, similarity, 0].argmax())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, by similarity."""
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
        name: of the checkpoint.
        results: float (triples, layers, similarities), as :func:`~.hits.evaluate_hits` gives them.
        resamples: of the bootstrap.
        seed: of the bootstrap.
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
