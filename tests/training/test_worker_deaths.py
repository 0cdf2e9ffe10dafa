"""A data loading worker is killed while fairseq-train runs."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fairseq.data.iterators import CountingIterator
from torch.utils.data import dataloader

from cline_fairseq import compat  # noqa: F401  lets torch load what fairseq saves
from cline_fairseq.errors import InputError
from cline_fairseq.training.worker_deaths import survive
from helpers import train_command
from programs import BIN, ROOT


def run_and_kill(corpus, save_dir, kill, *options):
    """Train, and kill a worker once the log has three updates: status and output."""
    program, *arguments = train_command(corpus, save_dir, *options)
    with subprocess.Popen(
        [str(part) for part in (BIN / program, *arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if kill and '"num_updates": "3"' in line:
                children = Path(f"/proc/{process.pid}/task").glob("*/children")
                pids = [int(pid) for path in children for pid in path.read_text().split()]
                os.kill(pids[0], signal.SIGKILL)
                time.sleep(0.1)
                kill = False
    return process.returncode, "".join(lines)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_last_update_is_saved(corpus, tmp_path):
    """The same command goes on from there, and ends as if nothing had happened."""
    options = ("--max-update", 16, "--disable-validation", "--num-workers", 1)
    options += ("--data-buffer-size", 2)
    status, output = run_and_kill(corpus, tmp_path / "hit", True, *options)
    assert status == 1
    assert "Traceback" not in output
    who = "(DataLoader worker|a data loading worker died) "
    told = re.search(rf"error: {who}.*run the same command again.*", output)
    assert told, output[-2000:]
    last = tmp_path / "hit" / "checkpoint_last.pt"
    assert str(last) in told[0]
    saved = torch.load(last)["optimizer_history"][-1]["num_updates"]
    assert 3 <= saved < 16
    states = []
    for name in ("hit", "whole"):
        status, output = run_and_kill(corpus, tmp_path / name, False, *options)
        assert status == 0, output[-2000:]
        states.append(torch.load(tmp_path / name / "checkpoint_last.pt")["model"])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])


@pytest.fixture
def trainer(monkeypatch):
    """A single worker that has made an update, and saves nothing."""
    monkeypatch.setattr(
        "cline_fairseq.training.worker_deaths.checkpoint_utils.save_checkpoint",
        lambda *args: "last.pt",
    )
    return SimpleNamespace(
        checkpoint_suffix="", data_parallel_world_size=1, get_num_updates=lambda: 1
    )


def train(save_dir, trainer, epoch_itr, error, filename=dataloader.__file__):
    """A training in which a worker dies."""
    code = compile("raise error", filename, "exec")
    program = SimpleNamespace(train=lambda *args: exec(code, {"error": error}))
    survive(program)
    cfg = SimpleNamespace(
        checkpoint=SimpleNamespace(save_dir=save_dir),
        optimization=SimpleNamespace(update_freq=[4]),
    )
    program.train(cfg, trainer, None, epoch_itr)


def epoch_at(taken, total):
    iterator = CountingIterator(range(total - taken), start=taken)
    return SimpleNamespace(
        _cur_epoch_itr=iterator,
        end_of_epoch=lambda: not iterator.has_next(),
        epoch=1,
        iterations_in_epoch=taken,
    )


DEATH = "DataLoader worker (pid 7) is killed by signal: Killed. "


@pytest.mark.parametrize(
    ("filename", "raised", "message"),
    [
        (dataloader.__file__, InputError, r"^a data loading worker died \(.*reset.*starts again$"),
        ("elsewhere.py", ConnectionResetError, "reset by peer"),
    ],
)
def test_connections_that_a_dead_worker_closes(tmp_path, trainer, filename, raised, message):
    """It may die while it hands over a batch."""
    trainer.data_parallel_world_size = 2  # of which none can save alone
    error = ConnectionResetError(104, "reset by peer")
    with pytest.raises(raised, match=message):
        train(tmp_path, trainer, None, error, filename)


def test_what_to_resume_from(tmp_path, trainer):
    trainer.data_parallel_world_size = 2
    (tmp_path / "checkpoint_last.pt").touch()
    with pytest.raises(InputError, match=r"last\.pt is complete, and the same command resumes"):
        train(tmp_path, trainer, None, RuntimeError(DEATH))


@pytest.mark.parametrize(("taken", "kept"), [(5, 4), (8, 8), (10, 10)])
def test_batches_of_an_update_that_never_came_about(tmp_path, trainer, taken, kept):
    """They are for the next run; an epoch of ten ends with an update of two."""
    epoch = epoch_at(taken, 10)
    with pytest.raises(InputError, match=r"fewer --num-workers; last\.pt holds all updates"):
        train(tmp_path, trainer, epoch, RuntimeError(DEATH))
    assert epoch._cur_epoch_itr.n == kept
