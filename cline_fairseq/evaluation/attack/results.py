"""Results of attacks: figures, a table, and the texts as CSV."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...atomic_io import atomic_write
from ...runtime.markdown import markdown_table
from ...runtime.terminal import cell
from ..bootstrap import Share, bootstrap_shares
from .running import FAILED, SKIPPED, SUCCEEDED, Attacked


class Summary(NamedTuple):
    """Figures of an attack on a classifier.

    They are TextAttack's, except that changed words are counted by edit distance.

    Attributes:
        examples: number of examples.
        attacked: number of examples that were predicted right, and therefore attacked.
        succeeded: number of attacks that succeeded.
        accuracy: fraction of the examples that are predicted right.
        accuracy_under_attack: fraction of the examples that are predicted right under attack.
        success_rate: fraction of the attacks that succeeded; None if there was no attack.
        words_changed: fraction of the words that an attack changed, averaged over successful
            attacks; None if there was none.
        queries: mean number of queries over all attacks; None if there was no attack.
    """

    examples: int
    attacked: int
    succeeded: int
    accuracy: Share
    accuracy_under_attack: Share
    success_rate: Share | None
    words_changed: float | None
    queries: float | None

    def as_dict(self) -> dict:
        """The figures as plain values."""
        return {
            name: value.as_dict() if isinstance(value, Share) else value
            for name, value in self._asdict().items()
        }


def summarize(attacked: Sequence[Attacked], resamples: int = 10_000, seed: int = 1) -> Summary:
    """Compute figures, with 95 % bootstrap intervals over the examples.

    Args:
        attacked: results of at least one example.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    tried = [a for a in attacked if a.result != SKIPPED]
    succeeded = [a for a in tried if a.result == SUCCEEDED]
    right = [(a.result != SKIPPED, a.result == FAILED) for a in attacked]
    accuracy, under_attack = _shares(right, resamples, seed)
    return Summary(
        len(attacked),
        len(tried),
        len(succeeded),
        accuracy,
        under_attack,
        _shares([(a.result == SUCCEEDED,) for a in tried], resamples, seed)[0] if tried else None,
        _mean([a.words_changed / a.words for a in succeeded]),
        _mean([a.queries for a in tried]),
    )


def attack_table(summaries: Mapping[str, Summary]) -> str:
    """Compare models side by side in a Markdown table, keyed by their names."""
    header = ("model", "examples", "accuracy, %", "under attack, %", "attack success, %")
    rows = []
    for name, s in summaries.items():
        success = "-" if s.success_rate is None else s.success_rate
        words = "-" if s.words_changed is None else f"{100 * s.words_changed:.1f}"
        queries = "-" if s.queries is None else f"{s.queries:.1f}"
        shares = (s.accuracy, s.accuracy_under_attack, success)
        rows.append((name, f"{s.examples:,}", *shares, words, queries))
    return markdown_table((*header, "words changed, %", "queries"), rows)


def write_csv(path: Path, attacked: Mapping[str, Sequence[Attacked]]) -> None:
    """Write texts and predictions to a CSV file, complete or not at all.

    Args:
        path: the file to write.
        attacked: results of each model, keyed by its name.
    """
    rows = [(name, a) for name, results in attacked.items() for a in results]
    is_pair = any(not isinstance(a.example.text, str) for _, a in rows)
    texts = ("text", "text2") if is_pair else ("text",)
    header = ["model", "example", "label", "result", *texts, "prediction"]
    header += [*(f"attacked_{name}" for name in texts), "attacked_prediction"]
    header += ["words", "words_changed", "queries"]
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for name, a in rows:
            row = [name, a.example.where, a.example.label, a.result, *_parts(a.example.text)]
            row += [a.prediction, *_parts(a.attacked_text), a.attacked_prediction]
            writer.writerow(map(cell, [*row, a.words, a.words_changed, a.queries]))


def _parts(text):
    return (text,) if isinstance(text, str) else text


def _shares(counts, resamples, seed):
    return bootstrap_shares(counts, np.ones_like(counts), resamples, seed)


def _mean(values):
    return sum(values) / len(values) if values else None
