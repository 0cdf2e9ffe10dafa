import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from multiprocessing import Pool
from pathlib import Path

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.runtime.locking import alone
from in_workers import add_one

HOLD = """
import sys, time
from pathlib import Path
from cline_fairseq.runtime.locking import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that makes something."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "made")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_is_first(tmp_path, holder):
    with pytest.raises(InputError) as error, alone(tmp_path / "made"):
        pass
    owner = rf"made is being written by process {holder.pid} on {os.uname().nodename}\S*, since 20"
    assert re.search(owner, str(error.value))
    with alone(tmp_path / "other"):
        pass  # each destination has its own


def test_the_lock_dies_with_its_process(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert os.listdir(tmp_path) == [".made.lock"]  # of no consequence
    with alone(tmp_path / "made"):
        pass
    assert os.listdir(tmp_path) == []


FORKED = """
import os, sys, time
from pathlib import Path
from cline_fairseq.runtime.locking import alone
with alone(Path(sys.argv[1])):
    if not os.fork():
        print(os.getpid(), flush=True)
        time.sleep(60)
    time.sleep(60)
"""


def test_forked_children_give_it_up(tmp_path, monkeypatch):
    """As workers of a data loader, which notice the end of their parent late."""
    monkeypatch.setattr("cline_fairseq.runtime.locking._PATIENCE", 0)
    command = [sys.executable, "-c", FORKED, str(tmp_path / "made")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        process.kill()
        process.wait()
        with alone(tmp_path / "made"):
            os.kill(child, signal.SIGKILL)


def test_a_process_that_is_ending_is_waited_for(tmp_path, holder):
    threading.Timer(0.5, holder.kill).start()
    with alone(tmp_path / "made"):
        pass


def test_a_process_may_ask_again(tmp_path):
    with alone(tmp_path / "made"):
        with alone(tmp_path / "made"):
            pass
        assert os.listdir(tmp_path) == [".made.lock"]
    assert os.listdir(tmp_path) == []


def test_file_systems_without_locks(tmp_path, monkeypatch, caplog):
    def flock(*args):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with alone(tmp_path / "made"):
        assert "made: the file system has no locks (No locks available)" in caplog.text


def test_a_lock_that_is_gone_is_taken_anew(tmp_path, monkeypatch):
    """On NFS, a file that another machine has removed is stale."""
    stat, stale = Path.stat, [True]

    def stale_once(path, **options):
        if path.suffix == ".lock" and stale:
            stale.pop()
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stale_once)
    with alone(tmp_path / "made"):
        assert not stale


def test_no_folder_is_made(tmp_path):
    missing = pytest.raises(InputError, match=r"cannot write .*typo/made")
    with missing, alone(tmp_path / "typo" / "made"):
        pass
    assert os.listdir(tmp_path) == []


def test_pipes_are_not_locked(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with alone(tmp_path / "pipe"):
        assert os.listdir(tmp_path) == ["pipe"]


def test_no_two_at_a_time(tmp_path):
    """Many processes that try again and again; the file is gone each time one has ended."""
    with Pool(4) as pool:
        done = sum(pool.starmap(add_one, [(tmp_path, 50)] * 4))
    assert int((tmp_path / "number").read_text()) == done
    assert done > 0
    assert os.listdir(tmp_path) == ["number"]
