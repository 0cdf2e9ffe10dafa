"""Contrast sets (Gardner et al. 2020, https://arxiv.org/abs/2004.02709).

A set is an original example and one or more contrasts: small edits of it, most of which change its
label. A model is consistent on a set if it is right on all of its examples.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .bootstrap import Share, bootstrap_shares
from .labelled_text import Example


class ContrastSet(NamedTuple):
    """An original example and its contrasts, one at least."""

    set_id: str
    group: str | None
    original: Example
    contrasts: list[Example]

    def group_of(self, contrast: Example) -> str | None:
        """The group of one of the contrasts: its own, or else that of the set."""
        return self.group if contrast.group is None else contrast.group


class Scores(NamedTuple):
    """How a model does on some sets."""

    sets: int
    contrasts: int  # examples
    original: Share  # accuracy on originals
    contrast: Share  # accuracy on contrasts
    consistency: Share  # sets with no wrong answer

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            name: value.as_dict() if isinstance(value, Share) else value
            for name, value in self._asdict().items()
        }


class Unmoved(NamedTuple):
    """A contrast that has another label than its original, and got the same prediction."""

    contrast_set: ContrastSet
    contrast: Example
    prediction: str


def pair_files(
    originals: Sequence[Example], contrasts: Sequence[Example], per_original: int = 1
) -> list[ContrastSet]:
    """Sets of two files in the same order.

    Args:
        originals: all of a file.
        contrasts: all of the other one; where both have ids, they are compared.
        per_original: how many contrasts each original has; they follow each other.

    Raises:
        InputError: if the files do not fit.
    """
    if len(originals) * per_original != len(contrasts):
        files = [examples[0].where.rpartition(", line ")[0] for examples in (originals, contrasts)]
        raise InputError(
            f"{files[0]} has {len(originals):,} examples, and {files[1]} has {len(contrasts):,}: "
            f"give two files in the same order, the second with {per_original} for each of the "
            "first (--contrasts-per-original)"
        )
    sets = []
    for i, original in enumerate(originals):
        members = list(contrasts[i * per_original : (i + 1) * per_original])
        for contrast in members:
            if original.set_id != contrast.set_id:
                raise InputError(
                    f"{contrast.where}: the pair {contrast.set_id!r} stands opposite of "
                    f"{original.set_id!r} ({original.where}): bring the files into the same order"
                )
        sets.append(_make_set(original.set_id or str(i + 1), original, members))
    return sets


def group_by_id(examples: Sequence[Example], original_role: str | None = None) -> list[ContrastSet]:
    """Sets of one file, in the order in which they begin.

    Args:
        examples: with ids.
        original_role: the role of originals; without, the first example of a set is its original.

    Raises:
        InputError: if a set has no original, several, or no contrast.
    """
    by_id: dict[str, list[Example]] = {}
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
                f"{original_role!r}: give one original for each"
            )
        if not contrasts:
            raise InputError(
                f"{members[0].where}: the pair {set_id!r} has one row only: give its contrast, or "
                "leave it out"
            )
        sets.append(_make_set(set_id, originals[0], contrasts))
    return sets


def _make_set(set_id, original, contrasts):
    group = contrasts[0].group
    return ContrastSet(set_id, original.group if group is None else group, original, contrasts)


def all_examples(sets: Sequence[ContrastSet]) -> list[Example]:
    """The examples of sets one after the other, originals before their contrasts."""
    return [example for one in sets for example in (one.original, *one.contrasts)]


def require_labels(sets: Sequence[ContrastSet], labels: Sequence[str], name: str) -> None:
    """Make sure that a model knows the labels.

    Args:
        sets: with labels.
        labels: those of the model.
        name: that of the model.

    Raises:
        InputError: if it does not.
    """
    for example in all_examples(sets):
        if example.label not in labels:
            raise InputError(
                f"{example.where}: the label {example.label!r} is none that {name} predicts "
                f"({', '.join(labels)}): say with --labels {example.label}={labels[0]},... which "
                "it stands for"
            )


def score(
    sets: Sequence[ContrastSet],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> Scores:
    """Accuracies and consistency, with intervals over the sets.

    Args:
        sets: one at least.
        predictions: labels of :func:`all_examples`.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    right = iter(_right(sets, predictions))
    counts = []
    for one in sets:
        original, *contrasts = (next(right) for _ in range(1 + len(one.contrasts)))
        counts.append((original, sum(contrasts), original and all(contrasts)))
    totals = [(1, len(one.contrasts), 1) for one in sets]
    shares = bootstrap_shares(np.array(counts), np.array(totals), resamples, seed)
    return Scores(len(sets), sum(total[1] for total in totals), *shares)


def score_groups(
    sets: Sequence[ContrastSet],
    predictions: Sequence[str],
    resamples: int = 10_000,
    seed: int = 1,
) -> dict[str, Scores]:
    """The same by group, in the order of their names.

    A set whose contrasts are of several groups counts in each, with the contrasts of that group
    alone. Contrasts without a group are left out.
    """
    members: dict[str, tuple[list, list]] = {}
    labels = iter(predictions)
    for one in sets:
        predicted_original, parts = next(labels), {}
        for contrast in one.contrasts:
            part = parts.setdefault(one.group_of(contrast), ([], [predicted_original]))
            part[0].append(contrast)
            part[1].append(next(labels))
        for name, (contrasts, predicted) in parts.items():
            if name is not None:
                group = members.setdefault(name, ([], []))
                group[0].append(one._replace(group=name, contrasts=contrasts))
                group[1].extend(predicted)
    return {name: score(*members[name], resamples, seed) for name in sorted(members)}


def find_unmoved(sets: Sequence[ContrastSet], predictions: Sequence[str]) -> list[Unmoved]:
    """The contrasts whose label changed while the prediction did not.

    Args:
        sets: any.
        predictions: labels of :func:`all_examples`.
    """
    labels, found = iter(predictions), []
    for one in sets:
        before = next(labels)
        for contrast in one.contrasts:
            if next(labels) == before and contrast.label != one.original.label:
                found.append(Unmoved(one, contrast, before))
    return found


def count_moving(sets: Sequence[ContrastSet]) -> int:
    """How many contrasts have another label than their original."""
    return sum(c.label != one.original.label for one in sets for c in one.contrasts)


def _right(sets, predictions):
    examples = all_examples(sets)
    return [example.label == label for example, label in zip(examples, predictions, strict=True)]
