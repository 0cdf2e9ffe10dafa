import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cline_fairseq.children import started, stop_all, told

PARENT = """
import subprocess, sys, time
from cline_fairseq.children import started
command = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
with started(command, stdout=subprocess.PIPE, text=True) as process:
    process.stdout.readline()
    print(process.pid, flush=True)
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
    command = [sys.executable, "-c", PARENT]
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
    with started(SLEEPER, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        stop_all()
    assert process.returncode == -signal.SIGTERM


def test_a_child_has_its_own_status_and_output():
    code = "import sys; print('out'); sys.exit(3)"
    with started([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.read() == "out\n"
    assert process.returncode == 3


def test_the_sentence_of_a_child_that_failed():
    assert told(["loading\n", "error: no room\n", "Exception ignored\n"]) == "no room"
    assert told(["fairseq-train: error: unrecognized arguments: --x\n"]) is None
