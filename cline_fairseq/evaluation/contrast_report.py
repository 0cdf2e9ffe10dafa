"""Results on contrast sets: tables in Markdown, plain values for JSON, unmoved contrasts as TSV."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic_io import atomic_write
from ..runtime.markdown import markdown_table
from ..runtime.terminal import cell
from .contrast import (
    ContrastScores,
    ContrastSet,
    Unmoved,
    all_examples,
    count_moving,
    find_unmoved,
    score_groups,
    score_sets,
)
from .truncation import truncation_sentence

_SHARES = ("originals", "contrasts", "consistency")
_UNMOVED = ("checkpoint", "set", "group", "original_label", "contrast_label", "prediction")


class ContrastReport(NamedTuple):
    """The results of a checkpoint.

    Attributes:
        name: what the checkpoint is called in tables.
        checkpoint: its path.
        scores: on all sets.
        groups: on the sets of each group, keyed by group.
        unmoved: contrasts whose label changed while the prediction did not.
        truncation: what :func:`~.truncation.count_truncated` returns.
    """

    name: str
    checkpoint: str
    scores: ContrastScores
    groups: dict[str, ContrastScores]
    unmoved: list[Unmoved]
    truncation: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, with the number of unmoved contrasts."""
        return {
            "name": self.name,
            "checkpoint": self.checkpoint,
            "scores": self.scores.as_dict(),
            "groups": {name: scores.as_dict() for name, scores in self.groups.items()},
            "unmoved": len(self.unmoved),
            **self.truncation,
        }


def make_contrast_report(
    name: str,
    checkpoint: str,
    sets: Sequence[ContrastSet],
    predictions: Sequence[str],
    truncation: Mapping[str, int],
    resamples: int = 10_000,
    seed: int = 1,
) -> ContrastReport:
    """Score the predictions of a checkpoint.

    Args:
        name: what to call the checkpoint in tables.
        checkpoint: its path.
        sets: one at least.
        predictions: labels of :func:`~.contrast.all_examples`.
        truncation: what :func:`~.truncation.count_truncated` returns for their texts.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    return ContrastReport(
        name,
        checkpoint,
        score_sets(sets, predictions, resamples, seed),
        score_groups(sets, predictions, resamples, seed),
        find_unmoved(sets, predictions),
        truncation,
    )


def contrast_tables(reports: Sequence[ContrastReport], sets: Sequence[ContrastSet]) -> str:
    """Compare checkpoints in Markdown: a table of all sets, and one by group if there are groups.

    Args:
        reports: one for each checkpoint, at least one.
        sets: what they were evaluated on.
    """
    moving = count_moving(sets)
    rows = [(r.name, *_shares(r.scores), f"{len(r.unmoved):,} of {moving:,}") for r in reports]
    parts = [
        f"{len(sets):,} contrast sets, {len(all_examples(sets)):,} texts.\n",
        markdown_table(("checkpoint", *_SHARES, "unmoved"), rows),
    ]
    if any(report.groups for report in reports):
        rows = [
            (group, f"{report.groups[group].sets:,}", report.name, *_shares(report.groups[group]))
            for group in reports[0].groups
            for report in reports
        ]
        parts.append(markdown_table(("group", "sets", "checkpoint", *_SHARES), rows))
    sentences = [truncation_sentence(report.name, report.truncation) for report in reports]
    return "\n".join([*parts, *(f"{sentence}\n" for sentence in sentences if sentence)])


def write_unmoved(reports: Sequence[ContrastReport], path: Path, is_pair: bool) -> None:
    """Write the unmoved contrasts of all checkpoints, with their originals.

    Args:
        reports: one for each checkpoint.
        path: the TSV file to write.
        is_pair: whether examples are pairs of texts, which take two columns each.
    """
    texts = ["text", "text2"] if is_pair else ["text"]
    header = [*_UNMOVED, *(f"{kind}_{t}" for kind in ("original", "contrast") for t in texts)]
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, "excel-tab", lineterminator="\n")
        writer.writerow(header)
        for report in reports:
            for one, contrast, prediction in report.unmoved:
                row = [report.name, one.set_id, one.group_of(contrast) or ""]
                row += [one.original.label, contrast.label, prediction]
                for text in (one.original.text, contrast.text):
                    row += [text] if isinstance(text, str) else text
                writer.writerow(map(cell, row))


def _shares(scores):
    return scores.original, scores.contrast, scores.consistency
