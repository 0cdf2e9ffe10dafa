"""What a run does not use of its data: told at the start, in one sentence each."""

import logging
import os
from collections.abc import Sequence

from fairseq.data.iterators import EpochBatchIterator

from ..errors import InputError

logger = logging.getLogger(__name__)


def log_unused_shards(paths: Sequence[str]) -> None:
    """Warn where shards hold a split that is only read from the first of them.

    fairseq validates in each epoch on the same data.

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
    """Warn about workers without a batch, and batches that ``--skip-remainder-batch`` leaves out.

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
                "worker: leave this option out, or make batches smaller"
            )
        logger.warning(
            "%s: --skip-remainder-batch leaves out the last of the %s batches of each worker, in "
            "each epoch another one",
            name,
            f"{len(iterator):,}",
        )
    if batches < workers:
        logger.warning(
            "%s has %s batches for %s workers, of which %s will have nothing to do: make batches "
            "smaller, or use fewer workers",
            name,
            batches,
            workers,
            workers - batches,
        )
