"""Warnings, at the start of a run, about data that the run will not use."""

import logging
import os
from collections.abc import Sequence

from fairseq.data.iterators import EpochBatchIterator

from ..errors import InputError

logger = logging.getLogger(__name__)


def log_unused_shards(paths: Sequence[str]) -> None:
    """Warn if later shards contain a split that is only read from the first one.

    fairseq validates on the same data in each epoch.

    Args:
        paths: of the split in each shard, without .bin and .idx.
    """
    unused = [path for path in paths[1:] if os.path.isfile(f"{path}.idx")]
    if unused:
        logger.warning(
            "only %s is used for validation, not the same split of other folders: %s",
            paths[0],
            ", ".join(unused),
        )


def log_unused_batches(iterator: EpochBatchIterator, name: str) -> None:
    """Warn about workers without a batch, and batches dropped by ``--skip-remainder-batch``.

    Args:
        iterator: over the batches of a split.
        name: of the split.

    Raises:
        InputError: if no batch is left.
    """
    batches, workers = sum(map(bool, map(len, iterator.frozen_batches))), iterator.num_shards
    if iterator.skip_remainder_batch:
        if len(iterator) < 2:
            raise InputError(
                f"--skip-remainder-batch leaves nothing of {name}, which has one batch for each "
                "worker: omit this option, or make batches smaller"
            )
        logger.warning(
            "%s: --skip-remainder-batch drops the last of the %s batches of each worker, a "
            "different one in each epoch",
            name,
            f"{len(iterator):,}",
        )
    if batches < workers:
        logger.warning(
            "%s has %s batches for %s workers, so %s of them will be idle: make batches smaller, "
            "or use fewer workers",
            name,
            batches,
            workers,
            workers - batches,
        )
