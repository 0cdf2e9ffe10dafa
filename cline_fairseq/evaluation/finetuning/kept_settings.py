"""What a run's folder records, so that a rerun resumes it and never mixes two runs."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ...atomic_io import write_json
from ...errors import InputError
from ...preprocessing.manifest import file_digest
from ..glue.results import RESULT

LAST, BEST = "checkpoint_last.pt", "checkpoint_best.pt"
SETTINGS_FILE = "settings.json"


def identity_of(task: str, checkpoint: Path, data: Path) -> dict[str, str]:
    """Identify what a run fine-tunes on what, wherever the files are.

    Args:
        task: name of the task.
        checkpoint: the checkpoint that the run starts from.
        data: folder of the binarized task.
    """
    return {
        "task": task,
        "checkpoint_digest": file_digest(checkpoint),
        "data_digest": data_digest(data),
    }


def data_digest(data: Path) -> str:
    """Identify data, wherever their folder is: BLAKE2 of the files of train and dev."""
    files = sorted(
        path
        for part in ("input0", "input1", "label")
        for path in (data / part).glob("*")
        if path.name == "dict.txt" or path.name.startswith(("train", "valid"))
    )
    listed = "".join(f"{path.relative_to(data)} {file_digest(path)}\n" for path in files)
    return hashlib.blake2b(listed.encode(), digest_size=16).hexdigest()


def keep_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Write the settings of a run to its folder, or require that a run there has the same.

    Args:
        folder: folder of the run.
        settings: plain values that identify the run.

    Raises:
        InputError: if the folder holds another run.
    """
    path = folder / SETTINGS_FILE
    begun = any((folder / name).exists() for name in (LAST, BEST, RESULT))
    if not begun or not path.exists():
        if begun:
            raise InputError(
                f"{folder} holds a run without its {SETTINGS_FILE}: pass another --save"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, settings)
        return
    old = json.loads(path.read_text(encoding="utf-8"))
    other = [
        f"{name} {old.get(name)}, now {settings.get(name)}"
        for name in sorted({*old, *settings})
        if old.get(name) != settings.get(name)
    ]
    if other:
        raise InputError(
            f"{folder} holds a run with other settings ({'; '.join(other)}): pass another --save"
        )


def training_facts(folder: Path) -> dict[str, Any]:
    """Find out how long training took, and which checkpoint is the best.

    Seconds include validation and are added up over interruptions. Updates that an interruption
    lost are repeated, and counted once.
    """
    from ...safe_load import safe_load

    last, best = (safe_load(folder / name, map_location="cpu") for name in (LAST, BEST))
    updates = [state["optimizer_history"][-1]["num_updates"] for state in (last, best)]
    return {
        "updates": updates[0],
        "best_update": updates[1],
        "seconds": round(last["extra_state"]["previous_training_time"], 1),
    }
