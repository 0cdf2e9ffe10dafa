"""What a training run can resume from when it ends because of a full disk or a dead worker."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..runtime.full_disk import no_room


@contextmanager
def last_checkpoint_named(save_dir: str, suffix: str = "") -> Iterator[None]:
    """Name the checkpoint to resume from if the block, which saves a checkpoint, fills the disk.

    Unfinished files are removed, since they would keep the disk full.

    Args:
        save_dir: folder with the checkpoints.
        suffix: suffix of their names, if a model consists of several files.

    Raises:
        InputError: if the disk is full.
    """
    try:
        yield
    except (AssertionError, OSError, RuntimeError) as error:
        if not (reason := no_room(error)):
            raise
        folder = Path(save_dir)
        for part in folder.glob(f"*{suffix}.pt.tmp"):
            part.unlink(missing_ok=True)
        raise InputError(
            f"no space left to save a checkpoint in {folder} ({reason}): free some space; "
            f"{how_to_resume(folder, suffix)}"
        ) from error


def how_to_resume(folder: Path, suffix: str = "") -> str:
    """Say what a run can resume from, as the end of a sentence.

    Args:
        folder: folder with the checkpoints.
        suffix: suffix of their names, if a model consists of several files.
    """
    last = folder / f"checkpoint_last{suffix}.pt"
    if last.is_file():
        return f"{last} is complete, and the same command resumes from it"
    saved = sorted(folder.glob(f"*{suffix}.pt"), key=lambda path: path.stat().st_mtime)
    if saved:
        return f"{saved[-1]} is complete, and --restore-file {saved[-1]} resumes from it"
    return "no checkpoint is complete yet, and the same command starts again"
