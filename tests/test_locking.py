import os
import re
import signal
import subprocess
import sys
from multiprocessing import Pool

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.locking import alone
from in_workers import add_one

HOLD = """
import sys, time
from pathlib import Path
from cline_fairseq.locking import alone
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


def test_no_two_at_a_time(tmp_path):
    """Many processes that try again and again; the file is gone each time one has ended."""
    with Pool(4) as pool:
        done = sum(pool.starmap(add_one, [(tmp_path, 50)] * 4))
    assert int((tmp_path / "number").read_text()) == done
    assert done > 0
    assert os.listdir(tmp_path) == ["number"]
