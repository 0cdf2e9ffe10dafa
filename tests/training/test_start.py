"""Where runs start: what is missing, what would be overwritten, and what is not safe to load."""

import os
import pickle
import shutil
import subprocess
import sys
from types import SimpleNamespace

import fairseq_cli
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.dataclass.configs import CheckpointConfig

from cline_fairseq.checkpoint import describe_model
from cline_fairseq.compat import loading, runs
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation.finetuning.binarized import load_classifier
from cline_fairseq.safe_load import safe_load
from cline_fairseq.training import start as starting
from helpers import FIRST_VERSION, first_version_command
from programs import BIN, run
from test_training import losses

RESETS = ["reset_optimizer", "reset_lr_scheduler", "reset_dataloader", "reset_meters"]


@pytest.fixture
def folder(tmp_path):
    """A model to start from, and the folder of a run."""
    (tmp_path / "model.pt").touch()
    (tmp_path / "run").mkdir()
    return tmp_path


def config(folder, **options):
    return CheckpointConfig(save_dir=str(folder / "run"), **options)


def test_starts_from_what_exists(folder):
    model = str(folder / "model.pt")
    for options in ({}, {"restore_file": model}, {"finetune_from_model": model}):
        starting.require_start(config(folder, **options))
    last = folder / "run" / "checkpoint_last.pt"
    last.touch()
    # All of these resume, or overwrite nothing.
    starting.require_start(config(folder))
    starting.require_start(config(folder, finetune_from_model=str(folder / "gone.pt")))
    starting.require_start(config(folder, restore_file=str(last)))
    starting.require_start(config(folder, restore_file=model, no_save=True))
    starting.require_start(config(folder, restore_file=model, no_last_checkpoints=True))


@pytest.mark.parametrize("option", ["restore_file", "finetune_from_model", "continue_once"])
def test_missing_checkpoint_is_an_error(folder, option):
    for path in (folder / "missing.pt", folder):  # fairseq takes a folder for a missing file
        with pytest.raises(MissingFileError, match=f"no checkpoint {path}: set --{option[:5]}"):
            starting.require_start(config(folder, **{option: str(path)}))


SAVE = """
import sys, time
from types import SimpleNamespace
import fairseq
from cline_fairseq.training.start import claim_save_dir
claim_save_dir(SimpleNamespace(save_dir=sys.argv[1], no_save=False))
print("claimed", flush=True)
sys.stdin.read()
"""


def test_one_run_at_a_time_saves_to_a_folder(folder):
    """The folder is free again when the first run has ended; nothing is left of its lock."""
    save_dir = folder / "run"
    with subprocess.Popen(
        [sys.executable, "-c", SAVE, save_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout.readline() == "claimed\n"
        with pytest.raises(InputError, match=rf"is being written by process {first.pid} on"):
            starting.claim_save_dir(config(folder))
        starting.claim_save_dir(config(folder, no_save=True))  # saves nothing
    (save_dir / "checkpoint_1_5.pt.tmp").touch()  # as one that was killed leaves it
    starting.claim_save_dir(config(folder))
    assert [path.name for path in save_dir.iterdir()] == [".checkpoint_last.pt.lock"]
    starting.claim_save_dir(config(folder))  # its own already
    starting._until_exit.close()
    starting._claimed.clear()
    assert not list(save_dir.iterdir())


def test_run_is_not_overwritten(folder):
    (folder / "run" / "checkpoint_last.pt").touch()
    options = {"restore_file": str(folder / "model.pt")}
    with pytest.raises(InputError, match=r"last\.pt would be over.* leave out --restore-file"):
        starting.require_start(config(folder, **options))
    with pytest.raises(InputError, match=r"use --finetune-from-model .*model\.pt instead"):
        starting.require_start(config(folder, **options, **dict.fromkeys(RESETS, True)))


def test_resets_apply_each_time(folder, caplog):
    options = config(folder, reset_optimizer=True)
    starting.require_start(options)
    assert not caplog.records
    (folder / "run" / "checkpoint_last.pt").touch()
    starting.require_start(options)
    assert "leave them out to resume" in caplog.text


@pytest.mark.parametrize("other", ["restore_file", "reset_optimizer"])
def test_options_that_exclude_each_other(folder, other):
    value = True if other == "reset_optimizer" else str(folder / "model.pt")
    options = {"finetune_from_model": str(folder / "model.pt"), other: value}
    with pytest.raises(InputError, match="leave out"):
        starting.require_start(config(folder, **options))


def test_relative_folder_under_hydra(monkeypatch, caplog):
    monkeypatch.setattr(starting.HydraConfig, "initialized", lambda: True)
    for cwd, save_dir, warned in ((".", "run", 0), ("/", "/run", 0), ("/", "run", 1)):
        caplog.clear()
        monkeypatch.setattr(starting, "get_original_cwd", lambda cwd=cwd: os.path.abspath(cwd))
        starting.require_start(CheckpointConfig(save_dir=save_dir))
        assert len(caplog.records) == warned


@pytest.mark.parametrize(
    ("limits", "finished"),
    [
        ({"max_update": 5}, True),
        ({"max_update": 6}, False),
        ({"max_update": 0}, False),
        ({"stop_time_hours": 0.5}, True),
        ({"stop_time_hours": 2}, False),
    ],
)
def test_finished_runs(monkeypatch, limits, finished):
    """A run of 5 updates and an hour; fairseq takes no epoch beyond --max-epoch."""
    limits = SimpleNamespace(**{"max_update": 0, "stop_time_hours": 0, "max_epoch": 0, **limits})
    trainer = SimpleNamespace(
        cfg=SimpleNamespace(optimization=limits),
        get_num_updates=lambda: 5,
        cumulative_training_time=lambda: 3600,
    )
    monkeypatch.setattr(checkpoint_utils, "load_checkpoint", lambda *args, **kwargs: (None, None))
    runs.leave_finished_runs_alone()
    checkpoint_utils.load_checkpoint(None, trainer)
    assert (limits.max_epoch < 0) == finished


class Attack:
    """Makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture
def unsafe(tmp_path):
    """A checkpoint that is whole, but for an object that runs code."""
    state = torch.load(FIRST_VERSION / "checkpoint_last.pt", weights_only=True)
    state["extra_state"]["more"] = Attack(tmp_path / "attacked")
    path = tmp_path / "run" / "checkpoint_last.pt"
    path.parent.mkdir()
    torch.save(state, path)
    yield path
    assert not (tmp_path / "attacked").exists()


def test_weights_only_whatever_fairseq_passes(unsafe):
    """Its main branch passes weights_only=False; torch.load stays as it is for others."""
    for options in ({}, {"weights_only": False}):
        with unsafe.open("rb") as file, pytest.raises(InputError, match=f"{unsafe} is not safe"):
            checkpoint_utils.torch.load(file, map_location="cpu", **options)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(unsafe)
    assert not isinstance(torch, loading._TorchLoadingWeightsOnly)
    assert checkpoint_utils.torch.Tensor is torch.Tensor


def test_pickles_of_other_protocols(tmp_path, recwarn):
    """torch warns of them, and asks for a report."""
    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps({"model": 1}, protocol=4))
    with pytest.raises(InputError, match="is not a checkpoint, or is damaged"):
        safe_load(path)
    assert not [warning for warning in recwarn if "pickle protocol" in str(warning.message)]


def test_evaluation_and_conversion_refuse_unsafe_checkpoints(unsafe):
    for load in (
        lambda: describe_model(unsafe, "cline_base"),  # the way of all but the next
        lambda: load_classifier(unsafe, FIRST_VERSION / "length"),
    ):
        with pytest.raises(InputError, match=r"not safe to load: it holds \S+\.mkdir, which could"):
            load()


@pytest.mark.parametrize("start", [(), ("--restore-file",), ("--finetune-from-model",)])
def test_training_refuses_unsafe_checkpoints(unsafe, tmp_path, start):
    save_dir = tmp_path / "new" if start else unsafe.parent
    result = run(
        *first_version_command(save_dir, *start, *([unsafe] if start else ())), check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"error: {unsafe} is not safe to load")
    assert "Traceback" not in result.stderr


@pytest.mark.slow
def test_two_workers_resume(tmp_path):
    """And a finished run makes no further update."""
    shutil.copy(FIRST_VERSION / "checkpoint_last.pt", tmp_path)
    workers = ("torchrun", "--nproc-per-node", 2, "--standalone", "--no-python")
    options = ("--distributed-world-size", 2, "--distributed-backend", "gloo", "--batch-size", 2)
    for expected in ([10], []):
        program, *arguments = first_version_command(tmp_path, *options, "--max-update", 10)
        assert sorted(losses(run(*workers, BIN / program, *arguments))) == expected


def test_started_as_a_module(tmp_path):
    """``python -m fairseq_cli.train`` starts where ``fairseq-train`` does."""
    shutil.copy(FIRST_VERSION / "checkpoint_last.pt", tmp_path)
    program = f"{fairseq_cli.__path__[0]}/train.py"
    _, *arguments = first_version_command(tmp_path, "--max-update", 9)
    result = run(program, *arguments)
    assert losses(result) == {}
    assert "--max-update 9 is already reached" in result.stdout
    result = run(program, *arguments, "--restore-file", "missing.pt", check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: no checkpoint ")
