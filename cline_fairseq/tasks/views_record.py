"""A record in checkpoints of everything that the views of a run depend on.

Without it, a resumed run would silently make different views if the lexicon, the tagger, the
rewriter or an option had changed in the meantime. With it, the run logs a warning.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from fairseq.distributed import utils as distributed_utils

from ..data.cline_dataset import ORDER_VERSION
from ..rewriting.engine import VERSION
from ..rewriting.lexicon import resource_path

logger = logging.getLogger(__name__)


def views_record(cfg: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a run, as plain data that ``torch.load`` accepts with ``weights_only``.

    Args:
        cfg: the configuration of the task.
        options: the options that the views depend on, by name.
    """
    return {
        "lexicon": _digest(cfg.lexicon, "lexicon"),
        "tagger": _digest(cfg.tagger, "tagger"),
        "rewriter": VERSION,
        "order": ORDER_VERSION,
        "options": {name: _plain(getattr(cfg, name)) for name in options},
    }


def report_changes(
    before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    """Log a warning if a resumed run makes different views.

    Args:
        before: the record in the checkpoint; empty if version 0.1 saved it.
        now: the record of this run.
        defaults: default values of options, for records that are older than an option.
    """
    if distributed_utils.get_global_rank() != 0:
        return
    if not before:
        logger.warning(
            "the checkpoint does not record what made its views (version 0.1 saved it): the "
            "resumed run makes different views, since the rewriter and its default kinds have "
            "changed, and the order of blocks in this epoch may also differ"
        )
        return
    changed = [
        f"--{name.replace('_', '-')} {value} (before: {old})"
        for name, value in now["options"].items()
        if (old := before["options"].get(name, _plain(defaults[name]))) != value
    ]
    parts = {
        "lexicon": "another lexicon",
        "tagger": "another tagger",
        "rewriter": "another version of the rewriter",
        "order": "another order of blocks in an epoch",
    }
    changed += [text for name, text in parts.items() if before[name] != now[name]]
    if changed:
        logger.warning("the resumed run makes different views: %s", ", ".join(changed))


def _digest(name, what):
    return hashlib.sha256(resource_path(name, what).read_bytes()).hexdigest()


def _plain(value):
    return value if isinstance(value, bool | int | float) else str(value)
