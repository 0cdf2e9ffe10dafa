"""Checks that the arrays of a lexicon file are consistent."""

from collections.abc import Mapping

import numpy as np

from .kinds import Kind
from .tags import TAGS

# Arrays that must be as long as the first one.
_TABLES = {
    "entry_lemma": ("entry_tag", "entry_form"),
    "pair_lemma": ("pair_kind", "pair_candidate", "pair_weight"),
    "pool_entry": ("pool_count",),
}


def find_fault(arrays: Mapping[str, np.ndarray]) -> str | None:
    """Describe the first fault in the arrays of a :class:`~.lexicon.LexiconData`, or return None.

    Without this check, a damaged file would fail much later, or draw arbitrary words.
    """
    for name, array in arrays.items():
        if array.ndim != 1 or array.dtype.kind not in "iu":
            return f"{name} is not a list of whole numbers"
    for first, others in _TABLES.items():
        for name in others:
            if len(arrays[name]) != len(arrays[first]):
                return f"{name} and {first} are of different lengths"
    try:
        num_forms = arrays["forms"].astype(np.uint8).tobytes().decode().count("\n") + 1
    except UnicodeDecodeError:
        return "forms is not UTF-8 text"
    num_entries, num_lemmas = len(arrays["entry_lemma"]), len(arrays["lemma_count"])
    limits = {
        "entry_lemma": num_lemmas,
        "entry_tag": len(TAGS),
        "entry_form": num_forms,
        "pair_lemma": num_lemmas,
        "pair_kind": Kind.RANDOM,
        "pair_candidate": num_lemmas,
        "pool_entry": num_entries,
    }
    for name, limit in limits.items():
        array = arrays[name]
        if len(array) and not (array.min() >= 0 and array.max() < limit):
            return f"{name} has numbers outside the range 0 to {limit - 1:,}"
    for name in ("lemma_count", "pair_weight", "pool_count"):
        if (arrays[name] < 0).any():
            return f"{name} has negative numbers"
    for names in (("entry_tag", "entry_lemma"), ("pair_lemma", "pair_kind"), ("pool_entry",)):
        if not _is_sorted(*(arrays[name].astype(np.int64) for name in names)):
            return f"{' and '.join(names)} are not in ascending order"
    return None


def _is_sorted(first, second=None):
    keys = first if second is None else first * (second.max(initial=0) + 1) + second
    return bool((np.diff(keys) >= 0).all())
