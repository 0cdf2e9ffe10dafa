"""End training with a sentence and a checkpoint when a data loading worker dies.

torch then raises a RuntimeError, often in the thread that prepares batches, and fairseq reraises
it where the batch is missing: between two updates, in a state that can be saved as a checkpoint.
"""

import functools
import traceback
from pathlib import Path
from types import ModuleType

from fairseq import checkpoint_utils
from fairseq.trainer import Trainer
from torch.utils.data import dataloader

from ..errors import InputError
from .saving import how_to_resume

_MESSAGE = "DataLoader worker (pid"  # all of torch's messages begin like this
_ERRORS = (RuntimeError, ConnectionError, EOFError)


def survive(program: ModuleType) -> None:
    """Patch fairseq's training program, the module ``fairseq_cli.train``."""
    program.train = _saving(program.train)  # type: ignore[attr-defined]


def _saving(train):
    @functools.wraps(train)
    def train_and_save(cfg, trainer, task, epoch_itr):
        try:
            return train(cfg, trainer, task, epoch_itr)
        except _ERRORS as error:
            if not _is_death(error):
                raise
            saved = _save(cfg, trainer, epoch_itr, error)
            resume = how_to_resume(Path(cfg.checkpoint.save_dir), trainer.checkpoint_suffix)
            raise _told(error, f"{saved} holds all updates" if saved else resume) from error

    return train_and_save


def _is_death(error):
    if isinstance(error, RuntimeError):
        return str(error).startswith(_MESSAGE)
    # A worker that dies while it sends a batch closes its end of the connection before torch
    # notices that it is dead.
    frames = traceback.extract_tb(error.__traceback__)
    return any(frame.filename == dataloader.__file__ for frame in frames)


def _told(error, advice):
    what = str(error).split(". ")[0].rstrip(". ")
    if not what.startswith(_MESSAGE):
        what = f"a data loading worker died ({what})"
    return InputError(
        f"{what}, perhaps for lack of memory: run the same command again with fewer "
        f"--num-workers; {advice}"
    )


def _save(cfg, trainer, epoch_itr, error):
    """Save the last update if nothing has changed since, and return the checkpoint's path."""
    frames = traceback.extract_tb(error.__traceback__)
    within_update = any(frame.name == Trainer.train_step.__name__ for frame in frames)
    if within_update or trainer.data_parallel_world_size > 1 or not trainer.get_num_updates():
        return None  # other workers may be at another update, and do not answer
    if not epoch_itr.end_of_epoch():  # the last update of an epoch may have fewer batches
        # Batches of an update that was not made are left for the resumed run.
        frequency = cfg.optimization.update_freq
        group = frequency[min(epoch_itr.epoch, len(frequency)) - 1]
        epoch_itr._cur_epoch_itr.n -= epoch_itr.iterations_in_epoch % group
    return checkpoint_utils.save_checkpoint(cfg.checkpoint, trainer, epoch_itr, None)
