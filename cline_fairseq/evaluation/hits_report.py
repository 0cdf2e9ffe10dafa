"""Tables of Hits, by similarity and layer, several checkpoints side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .bootstrap import bootstrap_means
from .similarities import SIMILARITIES

TITLES = {
    "cls_dot": "CLS, dot product",
    "cls_cosine": "CLS, cosine",
    "mean_cosine": "mean of tokens, cosine",
    "bert_score": "BERTScore",
}


class HitsReport(NamedTuple):
    """Of a checkpoint, in percent: float64 (layers, similarities), embeddings first.

    Attributes:
        name: of the checkpoint.
        hits: shares of triples whose original is closer to the synonym view.
        low: lower ends of their 95 % intervals.
        high: upper ends.
    """

    name: str
    hits: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def best(self, similarity: int) -> int:
        """The layer with the highest Hits, the first of them in a tie."""
        return int(self.hits[:, similarity].argmax())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, by similarity; lists are by layer."""
        columns = {
            name: {
                "hits": self.hits[:, i].tolist(),
                "low": self.low[:, i].tolist(),
                "high": self.high[:, i].tolist(),
                "best_layer": self.best(i),
            }
            for i, name in enumerate(SIMILARITIES)
        }
        return {"name": self.name, **columns}


def make_report(name: str, results: np.ndarray, seed: int = 1) -> HitsReport:
    """Average over triples.

    Args:
        name: of the checkpoint.
        results: float (triples, layers, similarities), as :func:`~.hits.evaluate_hits` gives them.
        seed: of the bootstrap; with the same seed, all checkpoints have the same resamples.
    """
    return HitsReport(
        name, *(100 * v for v in (results.mean(0), *bootstrap_means(results, seed=seed)))
    )


def as_markdown(reports: Sequence[HitsReport]) -> str:
    """The table for people: Hits with their intervals, and the layer that has most."""
    lines = [
        f"| similarity | layer | {' | '.join(report.name for report in reports)} |",
        "|---|---|" + "---|" * len(reports),
    ]
    for i, name in enumerate(SIMILARITIES):
        for layer in range(max(len(report.hits) for report in reports)):
            cells = [
                _cell(report, layer, i) if layer < len(report.hits) else "" for report in reports
            ]
            lines.append(f"| {TITLES[name]} | {layer} | {' | '.join(cells)} |")
        best = [f"{_cell(r, r.best(i), i)}, layer {r.best(i)}" for r in reports]
        lines.append(f"| {TITLES[name]} | best | {' | '.join(best)} |")
    return "\n".join(lines) + "\n"


def _cell(report, layer, similarity):
    hits, low, high = (v[layer, similarity] for v in report[1:])
    return f"{hits:.1f} ({low:.1f} to {high:.1f})"
