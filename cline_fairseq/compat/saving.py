"""Checkpoints that appear whole, also when the disk is full."""

import os
import shutil
from collections.abc import Callable
from typing import Any

import torch
from fairseq import checkpoint_utils
from fairseq.file_io import PathManager
from fairseq.trainer import Trainer

from ..runtime.full_disk import no_room
from ..training.saving import last_checkpoint_named
from .replacing import replaces


def copy_checkpoints_whole() -> None:
    """Make a copy of a checkpoint appear only when it is complete.

    fairseq writes a checkpoint under a temporary name, but then copies it to checkpoint_last.pt in
    place: a job that is killed meanwhile could not resume. Only ``checkpoint_utils`` uses this
    copy.

    Can go when ``PathManager.copy`` renames a complete copy.
    """
    checkpoint_utils.PathManager = _WholeCopies


class _WholeCopies(PathManager):
    """PathManager whose copies over an existing file replace it at once."""

    @staticmethod
    def copy(src_path, dst_path, overwrite=False):
        if not overwrite or not PathManager.supports_rename(dst_path):
            return PathManager.copy(src_path, dst_path, overwrite)
        part = f"{dst_path}.tmp"
        shutil.copyfile(src_path, part)  # PathManager would log an error rather than raise it
        os.replace(part, dst_path)
        return True


@replaces(checkpoint_utils, "_torch_persistent_save")
def save_once_on_full_disks(persist: Callable[..., Any], obj: Any, file: Any) -> None:
    """Do not try again to save a checkpoint if the disk is full.

    fairseq tries three times, shows a traceback, and leaves an unfinished file behind.

    Can go when fairseq does none of this.
    """
    try:
        torch.save(obj, file)
    except (OSError, RuntimeError) as error:
        if no_room(error):
            raise
        persist(obj, file)


@replaces(checkpoint_utils, "save_checkpoint")
def name_last_checkpoint_on_full_disks(
    save: Callable[..., Any], cfg: Any, trainer: Trainer, *args: Any, **kwargs: Any
) -> Any:
    """End training on a full disk with a sentence that names the last complete checkpoint.

    Can go together with :func:`save_once_on_full_disks`.
    """
    with last_checkpoint_named(cfg.save_dir, trainer.checkpoint_suffix):
        return save(cfg, trainer, *args, **kwargs)
