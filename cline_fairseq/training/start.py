"""Check where a training run starts: its own last checkpoint, another model or random weights."""

import atexit
import logging
import os
from contextlib import ExitStack
from pathlib import Path

from fairseq.dataclass.configs import CheckpointConfig
from fairseq.file_io import PathManager
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_original_cwd

from ..errors import InputError, MissingFileError
from ..runtime.locking import alone

logger = logging.getLogger(__name__)

_DEFAULT = "checkpoint_last.pt"  # default of --restore-file, in --save-dir
_RESETS = ("reset_optimizer", "reset_lr_scheduler", "reset_meters", "reset_dataloader")


def require_start(cfg: CheckpointConfig, suffix: str = "") -> None:
    """Make sure that a run starts from what its options say and does not overwrite another run.

    Args:
        cfg: fairseq's checkpoint options.
        suffix: suffix of the names of checkpoints, if a model consists of several files.

    Raises:
        MissingFileError: if a checkpoint to start from is missing.
        InputError: if options exclude each other, or if the run would overwrite the
            checkpoint_last.pt of another run.
    """
    _warn_of_new_folders(cfg.save_dir)
    last = os.path.join(cfg.save_dir, f"checkpoint_last{suffix}.pt")
    resets = any(getattr(cfg, name) for name in _RESETS)
    model = cfg.finetune_from_model
    if cfg.restore_file != _DEFAULT:
        if model is not None:
            raise InputError(
                f"--restore-file {cfg.restore_file} and --finetune-from-model {model} exclude each "
                "other: leave out the first to start from a model, or the second to resume a run"
            )
        path = cfg.restore_file.replace(".pt", f"{suffix}.pt")
        _require_file("--restore-file", path)
        saves = not (cfg.no_save or cfg.no_last_checkpoints)
        if saves and PathManager.exists(last) and os.path.realpath(path) != os.path.realpath(last):
            remedy = "leave out --restore-file to continue that run"
            if resets:
                remedy = (
                    f"use --finetune-from-model {path} instead, without the --reset options, and "
                    "the same command continues that run"
                )
            raise InputError(
                f"{last} would be overwritten by a run from --restore-file {path}: {remedy}, or "
                "use another --save-dir"
            )
        return
    if model is not None and resets:
        raise InputError(
            f"--finetune-from-model {model} already starts with a new optimizer, schedule and "
            "epoch: leave out the --reset options"
        )
    if PathManager.exists(last):
        if resets:
            logger.warning(
                "%s is loaded with the --reset options, which apply every time: leave them out to "
                "resume after an interruption",
                last,
            )
    else:
        # In fairseq's order.
        for option in ("continue_once", "finetune_from_model"):
            if (path := getattr(cfg, option, None)) is not None:
                _require_file(f"--{option.replace('_', '-')}", path)
                return


def claim_save_dir(cfg: CheckpointConfig, suffix: str = "") -> None:
    """Keep other runs from saving to the same folder until this process ends.

    Unfinished checkpoints of an earlier run that was killed are removed.

    Args:
        cfg: fairseq's checkpoint options.
        suffix: see :func:`require_start`.

    Raises:
        InputError: if another run is saving there.
    """
    last = Path(cfg.save_dir).absolute() / f"checkpoint_last{suffix}.pt"
    if cfg.no_save or last in _claimed or not last.parent.is_dir():  # it may be a remote store
        return
    _until_exit.enter_context(alone(last))
    _claimed.add(last)
    for path in last.parent.glob(f"checkpoint*{suffix}.pt.tmp"):  # fairseq's name
        path.unlink(missing_ok=True)


_claimed: set[Path] = set()
_until_exit = ExitStack()
atexit.register(_until_exit.close)


def _require_file(option, path):
    if not PathManager.isfile(path):
        raise MissingFileError(
            f"no checkpoint {os.path.abspath(path)}: set {option} to the .pt file to start from"
        )


def _warn_of_new_folders(save_dir):
    """Warn if save_dir is relative: hydra creates a new folder for each run."""
    if not HydraConfig.initialized() or os.path.isabs(save_dir):
        return
    if os.getcwd() != get_original_cwd():
        logger.warning(
            "checkpoint.save_dir=%s is relative to the folder of this run, %s: use an absolute "
            "path, so that the same command resumes the run",
            save_dir,
            os.getcwd(),
        )
