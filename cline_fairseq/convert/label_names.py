"""Names of a classifier's labels that say what they mean, for those who do not know the task."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..checkpoint import LoadedModel
from ..errors import InputError

_MANIFEST = "manifest.json"  # of cline-fairseq glue-preprocess
# What GLUE's labels 0 and 1 mean. The other tasks have names in their files.
GLUE_LABELS = {
    "CoLA": ("unacceptable", "acceptable"),
    "SST-2": ("negative", "positive"),
    "MRPC": ("not_equivalent", "equivalent"),
    "QQP": ("not_duplicate", "duplicate"),
    "WNLI": ("not_entailment", "entailment"),
}


def named_labels(loaded: LoadedModel, names: Mapping[str, str] | None = None) -> list[str]:
    """Name the labels of a classifier.

    Args:
        loaded: the classifier.
        names: names, keyed by the labels in its data (None: those of :data:`GLUE_LABELS` if its
            data are of such a task and have the labels 0 and 1; otherwise the labels themselves).

    Returns:
        names, in the order of the head's columns.

    Raises:
        InputError: if the names are not those of all labels, or if there are no labels to name.
    """
    if names is None:
        found = GLUE_LABELS.get(_glue_task(loaded), ()) if loaded.is_classifier else ()
        names = {str(i): name for i, name in enumerate(found)}
        return [names.get(label, label) for label in loaded.labels]
    if not loaded.labels:
        raise InputError(
            "the checkpoint has no labels: name those of a classifier only, or leave out --labels"
        )
    if set(names) != set(loaded.labels) or len(set(names.values())) < len(names):
        raise InputError(
            f"the labels of the classifier are {', '.join(loaded.labels)}: give each of them, and "
            f"no other, a name of its own (--labels), not {', '.join(names)}"
        )
    return [names[label] for label in loaded.labels]


def _glue_task(loaded):
    """The task that the classifier's data record, if it is known."""
    try:
        manifest = json.loads((Path(loaded.task.cfg.data) / _MANIFEST).read_text(encoding="utf-8"))
        return manifest["options"]["task"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # the data were made by another program
