"""Contrast sets (Gardner et al. 2020, https://arxiv.org/abs/2004.02709).

A set is an original example and one or more contrasts: small edits of it, most of which change its
label. A model is consistent on a set if all its predictions there are right.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .bootstrap import Share, bootstrap_shares
from .labelled_text import LabelledExample


class ContrastSet(NamedTuple):
    """An original example and its contrasts, of which there is at least one."""

    set_id: str
    group: str | None
    original: LabelledExample
    contrasts: list[LabelledExample]

    def group_of(self, contrast: LabelledExample) -> str | None:
        """Return the group of a contrast: its own, or else that of the set."""
        return self.group if contrast.group is None else contrast.group


class ContrastScores(NamedTuple):
    """Scores of a model on contrast sets.

    Attributes:
        sets: number of sets.
        contrasts: number of contrasts.
        original: accuracy on originals.
        contrast: accuracy on contrasts.
        consistency: fraction of the sets where all predictions are right.
    """

    sets: int
    contrasts: int
    original: Share
    contrast: Share
    consistency: Share

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain values."""
        return {
            name: value.as_dict() if isinstance(value, Share) else value
            for name, value in self._asdict().items()
        }


class Unmoved(NamedTuple):
    """A contrast with another label than its original, but the same prediction."""

    contrast_set: ContrastSet
    contrast: LabelledExample
    prediction: str


def pair_files(
    originals: Sequence[LabelledExample],
    contrasts: Sequence[LabelledExample],
    per_original: int = 1,
) -> list[ContrastSet]:
    """Make sets from two files in the same order.

    Args:
        originals: all examples of one file.
        contrasts: all examples of the other; ids of sets, if present, are compared.
        per_original: number of consecutive contrasts for each original.

    Raises:
        InputError: if the files do not match.
    """
    if len(originals) * per_original != len(contrasts):
        files = [examples[0].where.rpartition(", line ")[0] for examples in (originals, contrasts)]
        raise InputError(
            f"{files[0]} has {len(originals):,} examples, and {files[1]} has {len(contrasts):,}: "
            f"pass two files in the same order, the second with {per_original} for each of the "
            "first (--contrasts-per-original)"
        )
    sets = []
    for i, original in enumerate(originals):
        members = list(contrasts[i * per_original : (i + 1) * per_original])
        for contrast in members:
            if original.set_id != contrast.set_id:
                raise InputError(
                    f"{contrast.where}: the pair {contrast.set_id!r} is matched with "
                    f"{original.set_id!r} ({original.where}): bring the files into the same order"
                )
        sets.append(_make_set(original.set_id or str(i + 1), original, members))
    return sets


def group_by_id(
    examples: Sequence[LabelledExample], original_role: str | None = None
) -> list[ContrastSet]:
    """Make sets from one file, in the order in which they begin.

    Args:
        examples: examples with ids of sets.
        original_role: the role of originals (None: the first example of a set is its original).

    Raises:
        InputError: if a set has no original, several originals, or no contrast.
    """
    by_id: dict[str | None, list[LabelledExample]] = {}
    for example in examples:
        by_id.setdefault(example.set_id, []).append(example)
    sets = []
    for set_id, members in by_id.items():
        originals, contrasts = members[:1], members[1:]
        if original_role is not None:
            originals = [example for example in members if example.role == original_role]
            contrasts = [example for example in members if example.role != original_role]
        if len(originals) != 1:
            raise InputError(
                f"{members[0].where}: the pair {set_id!r} has {len(originals)} rows with the role "
                f"{original_role!r}: expected one original"
            )
        if not contrasts:
            raise InputError(
                f"{members[0].where}: the pair {set_id!r} has only one row: add its contrast, or "
                "remove it"
            )
        sets.append(_make_set(set_id, originals[0], contrasts))
    return sets


def _make_set(set_id, original, contrasts):
    group = contrasts[0].group
    return ContrastSet(set_id, original.group if group is None else group, original, contrasts)


def all_examples(sets: Sequence[ContrastSet]) -> list[LabelledExample]:
    """List the examples of sets one after the other, originals before their contrasts."""
    return [example for one in sets for example in (one.original, *one.contrasts)]


def score_sets(
    sets: Sequence[ContrastSet],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> ContrastScores:
    """Compute accuracies and consistency, with bootstrap intervals over the sets.

    Args:
        sets: at least one.
        predictions: predicted labels of :func:`all_examples`.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.
    """
    right = iter(_right(sets, predictions))
    counts = []
    for one in sets:
        original, *contrasts = (next(right) for _ in range(1 + len(one.contrasts)))
        counts.append((original, sum(contrasts), original and all(contrasts)))
    totals = [(1, len(one.contrasts), 1) for one in sets]
    shares = bootstrap_shares(np.array(counts), np.array(totals), resamples, seed)
    return ContrastScores(len(sets), sum(total[1] for total in totals), *shares)


def score_groups(
    sets: Sequence[ContrastSet],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> dict[str, ContrastScores]:
    """Compute the same scores by group.

    A set whose contrasts belong to several groups counts in each of them, with the contrasts of
    that group alone. Contrasts without a group are left out.

    Args:
        sets: any number.
        predictions: predicted labels of :func:`all_examples`.
        resamples: number of bootstrap resamples.
        seed: random seed of the bootstrap.

    Returns:
        scores, keyed by group, in alphabetical order.
    """
    members: dict[str, tuple[list, list]] = {}
    labels = iter(predictions)
    for one in sets:
        predicted_original = next(labels)
        parts: dict[str | None, tuple[list, list]] = {}
        for contrast in one.contrasts:
            part = parts.setdefault(one.group_of(contrast), ([], [predicted_original]))
            part[0].append(contrast)
            part[1].append(next(labels))
        for name, (contrasts, predicted) in parts.items():
            if name is not None:
                group = members.setdefault(name, ([], []))
                group[0].append(one._replace(group=name, contrasts=contrasts))
                group[1].extend(predicted)
    return {name: score_sets(*members[name], resamples, seed) for name in sorted(members)}


def find_unmoved(sets: Sequence[ContrastSet], predictions: Sequence[str]) -> list[Unmoved]:
    """Find the contrasts whose label changed while the prediction did not.

    Args:
        sets: any number.
        predictions: predicted labels of :func:`all_examples`.
    """
    labels, found = iter(predictions), []
    for one in sets:
        before = next(labels)
        for contrast in one.contrasts:
            if next(labels) == before and contrast.label != one.original.label:
                found.append(Unmoved(one, contrast, before))
    return found


def count_moving(sets: Sequence[ContrastSet]) -> int:
    """Count the contrasts that have another label than their original."""
    return sum(c.label != one.original.label for one in sets for c in one.contrasts)


def _right(sets, predictions):
    examples = all_examples(sets)
    return [example.label == label for example, label in zip(examples, predictions, strict=True)]
