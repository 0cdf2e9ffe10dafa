"""Tables of Hits, by similarity and layer, several checkpoints side by side."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .bootstrap import Share, bootstrap_shares

# Of .similarities.SIMILARITIES, which needs torch; in the same order.
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


def as_markdown(reports: Sequence[HitsReport], shared_words: Share) -> str:
    """The table for people, in percent: Hits with their intervals, and the layer with most.

    The last row is what counting shared words scores, see :mod:`.shared_words`.
    """
    lines = [
        f"| similarity | layer | {' | '.join(report.name for report in reports)} |",
        "|---|---|" + "---|" * len(reports),
    ]
    for i, name in enumerate(TITLES):
        for layer in range(max(len(report.hits) for report in reports)):
            cells = [str(r.share(layer, i)) if layer < len(r.hits) else "" for r in reports]
            lines.append(f"| {TITLES[name]} | {layer} | {' | '.join(cells)} |")
        best = [f"{r.share(r.best(i), i)}, layer {r.best(i)}" for r in reports]
        lines.append(f"| {TITLES[name]} | best | {' | '.join(best)} |")
    lines.append(f"| number of shared words | | {' | '.join([str(shared_words)] * len(reports))} |")
    return "\n".join(lines) + "\n"
