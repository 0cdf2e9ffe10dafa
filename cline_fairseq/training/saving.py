"""What is left of a training run when its disk is full."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..runtime.full_disk import no_room


@contextmanager
def last_checkpoint_named(save_dir: str, suffix: str = "") -> Iterator[None]:
    """Say where a run can go on from if the block, which saves a checkpoint, fills the disk.

    Unfinished files are removed: they would keep the disk full.

    Args:
        save_dir: the folder of the checkpoints.
        suffix: of their names, where several make up a model.

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
            f"no space left to save a checkpoint in {folder} ({reason}): free some; "
            f"{how_to_resume(folder, suffix)}"
        ) from error


def how_to_resume(folder: Path, suffix: str = "") -> str:
    """What a run can go on from, as part of a sentence.

    Args:
        folder: of the checkpoints.
        suffix: of their names, where several make up a model.
    """
    last = folder / f"checkpoint_last{suffix}.pt"
    if last.is_file():
        return f"{last} is complete, and the same command resumes from it"
    saved = sorted(folder.glob(f"*{suffix}.pt"), key=lambda path: path.stat().st_mtime)
    if saved:
        return f"{saved[-1]} is complete, and --restore-file {saved[-1]} resumes from it"
    return "no checkpoint is complete yet, and the same command starts again"
