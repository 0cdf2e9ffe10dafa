"""Training with fairseq-train, as a child with a progress bar."""

import subprocess
import sys
from collections import deque
from pathlib import Path

from tqdm import tqdm

from ...runtime.child_failures import require_success
from ...runtime.children import started
from ...training.logs import parse_line


def train(command: list[str], log: Path, updates: int, name: str) -> None:
    """Run fairseq-train with a progress bar over its updates.

    Args:
        command: its arguments.
        log: file that its output is appended to.
        updates: number of updates.
        name: what to call the run.

    Raises:
        InputError: if training fails.
    """
    installed = Path(sys.executable).parent / "fairseq-train"
    program = str(installed) if installed.exists() else "fairseq-train"
    tail: deque[str] = deque(maxlen=15)
    with (
        log.open("a", encoding="utf-8") as file,
        started(
            [program, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        tqdm(total=updates, unit="update", desc=name) as bar,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            tail.append(line)
            kind, values = parse_line(line)
            if kind == "train_inner":
                bar.set_postfix(loss=values["loss"], refresh=False)
                bar.update(int(values["num_updates"]) - bar.n)
    require_success(process.returncode, "fairseq-train", tail, log)
