import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cline_fairseq.runtime.children import started, stop_all, told
from stuck import START, STUCK

PARENT = """
import subprocess, sys, time
from cline_fairseq.runtime.children import started
with started([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE, text=True) as process:
    print(process.stdout.readline(), flush=True)
    time.sleep(60)
"""
CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
WITH_WORKER = """
import ctypes, os, signal, sys, time
if not os.fork():
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
time.sleep(60)
"""
SLEEPER = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]


def ended(pid, seconds=2):
    """Whether a process is gone soon."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_children_do_not_survive_a_parent_that_is_killed():
    command = [sys.executable, "-c", PARENT.format(child=CHILD)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        assert not ended(child, 0.2)
        os.kill(parent.pid, signal.SIGKILL)
    assert ended(child)


def test_children_are_stopped_with_their_block():
    processes = []

    def interrupted():
        with started(SLEEPER, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            processes.append(process)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert processes[0].returncode == -signal.SIGTERM


def test_ctrl_c_is_up_to_the_parent():
    """The keyboard's signal goes to the parent's group only."""
    with started(SLEEPER, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        assert os.getpgid(process.pid) != os.getpgrp()
        stop_all()
    assert process.returncode == -signal.SIGTERM


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_workers_of_children_do_not_survive_a_parent_that_is_killed():
    """They ask the system for SIGINT when their own parent dies, as torch's do."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(child=WITH_WORKER)], stdout=subprocess.PIPE, text=True
    ) as parent:
        worker = int(parent.stdout.readline())
        assert not ended(worker, 0.2)
        os.kill(parent.pid, signal.SIGKILL)
    assert ended(worker)


def test_workers_of_children_are_stopped():
    with started([sys.executable, "-c", WITH_WORKER], stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        stop_all()
        assert ended(worker)


def test_a_child_has_time_to_clean_up_late(tmp_path):
    """One that does not react to the exception in its main thread; see interrupts.py."""
    with started(
        [sys.executable, "-c", START + STUCK, tmp_path / "out"], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        stop_all()
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())


def test_a_program_that_is_missing(capfd):
    with started(["/no/such/program"]) as process:
        pass
    assert process.returncode == 1
    expected = "error: cannot start /no/such/program: No such file or directory\n"
    assert capfd.readouterr().err == expected


def test_a_child_has_its_own_status_and_output():
    code = "import sys; print('out'); sys.exit(3)"
    with started([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.read() == "out\n"
    assert process.returncode == 3


def test_the_sentence_of_a_child_that_failed():
    assert told(["loading\n", "error: no room\n", "Exception ignored\n"]) == "no room"
    assert told(["fairseq-train: error: unrecognized arguments: --x\n"]) is None
