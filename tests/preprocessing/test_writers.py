import fcntl
import os
import signal

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.glue.binarizing import _replace
from cline_fairseq.preprocessing.writers import BinaryOutput, TextOutput
from cline_fairseq.runtime import interrupts

TOKENS = np.arange(100_000) % 1000  # more than buffers of files hold


def make(folder, tokens=TOKENS):
    with BinaryOutput(folder / "train", 1000) as output:
        output.write(tokens, np.array([len(tokens)]))
        output.commit()


@pytest.fixture
def interrupted_renames(monkeypatch):
    """Ctrl-C at each renaming of a file."""
    replace = os.replace

    def interrupted(old, new):
        signal.raise_signal(signal.SIGINT)
        replace(old, new)

    monkeypatch.setattr(interrupts, "_received", None)
    monkeypatch.setattr(interrupts, "_process", os.getpid())
    monkeypatch.setattr(os, "replace", interrupted)
    handler = signal.signal(signal.SIGINT, interrupts._interrupt)
    yield
    signal.signal(signal.SIGINT, handler)


def test_the_files_of_a_commit_come_together(tmp_path, interrupted_renames):
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["train.bin", "train.idx"]


def test_a_folder_is_replaced_or_kept(tmp_path, interrupted_renames):
    for name in ("part", "folder"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    with pytest.raises(KeyboardInterrupt):
        _replace(tmp_path / "part", tmp_path / "folder")
    assert os.listdir(tmp_path / "folder") == ["part"]


def test_what_was_written_is_read_again(tmp_path):
    make(tmp_path, TOKENS[:100])
    before = (tmp_path / "train.bin").read_bytes()
    with BinaryOutput(tmp_path / "train", 1000) as output:
        output.write(TOKENS, np.array([len(TOKENS)]))
        (part,) = tmp_path.glob("*.part.bin")
        os.truncate(part, 0)  # another program, or the disk
        with pytest.raises(InputError, match=r"train\.bin does not hold what was written"):
            output.commit()
    assert (tmp_path / "train.bin").read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["train.bin", "train.idx"]


@pytest.mark.parametrize(
    "make", [lambda path: BinaryOutput(path, 1000), TextOutput], ids=["binary", "text"]
)
def test_one_writer_at_a_time(tmp_path, monkeypatch, make):
    monkeypatch.setattr("cline_fairseq.runtime.locking._PATIENCE", 0)
    with (tmp_path / ".train.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        output = make(tmp_path / "train")
        with pytest.raises(InputError, match="train is being written by another process"), output:
            pass
    assert os.listdir(tmp_path) == [".train.lock"]
