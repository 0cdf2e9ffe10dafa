"""Each test starts a small program, as handlers of signals are those of a whole process."""

import signal
import subprocess
import sys
import time

import pytest

from programs import ROOT

PROGRAMS = [*ROOT.glob("scripts/*.py"), *ROOT.glob("examples/*/*.py")]
START = """
import sys, time
from pathlib import Path
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.files import written_whole
show_input_errors_plainly()
"""
WRITING = """
with written_whole(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
STUCK = """
with written_whole(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("ready", flush=True)
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass
"""
CHANGED = """
with written_whole(Path(sys.argv[1])) as part:
    print("ready", flush=True)
    try:
        time.sleep(60)
    except BaseException as error:
        raise ImportError("a library's own idea") from error
"""
POOL = """
from cline_fairseq.workers import ordered_map
from in_workers import start, wait_in_worker
if __name__ == "__main__":
    print("ready", flush=True)
    list(ordered_map(wait_in_worker, range(20), 2, start))
"""
HELD = """
from cline_fairseq.interrupts import held
with held():
    print("ready", flush=True)
    time.sleep(0.5)
    Path(sys.argv[1]).write_text("whole")
time.sleep(60)
"""
ENDS = {signal.SIGINT: "interrupted\n", signal.SIGTERM: "ended by SIGTERM\n"}


def hit(program, path, kind, delay=0.1, **options):
    """Send a signal to a program when it is ready: its status, its errors, and seconds taken."""
    command = [sys.executable, "-c", START + program, str(path)]
    if program is POOL:  # spawn needs a file
        script = path.with_name("script.py")
        script.write_text(START + program)
        command = [sys.executable, str(script), str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        start = time.monotonic()
        process.send_signal(kind)
        _, errors = process.communicate(timeout=30)
    return process.returncode, errors, time.monotonic() - start


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("program", [WRITING, CHANGED])
def test_one_line_and_nothing_half_done(tmp_path, program, kind):
    status, errors, _ = hit(program, tmp_path / "out", kind)
    assert (status, errors) == (-kind, ENDS[kind])
    assert not list(tmp_path.iterdir())


def test_what_does_not_end_is_ended(tmp_path):
    status, errors, seconds = hit(STUCK, tmp_path / "out", signal.SIGINT)
    assert (status, errors) == (130, "interrupted\n")
    assert 0.5 < seconds < 5  # two, if nothing else runs
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("delay", [0, 0.3, 2])
def test_workers_end_quietly(tmp_path, monkeypatch, delay):
    """While they start, while they import, and while they work."""
    monkeypatch.setenv("PYTHONPATH", "tests", prepend=":")
    status, errors, _ = hit(POOL, tmp_path / "out", signal.SIGINT, delay)
    assert (status, errors) == (-signal.SIGINT, "interrupted\n")


def test_a_step_is_finished_first(tmp_path):
    status, errors, _ = hit(HELD, tmp_path / "out", signal.SIGINT)
    assert (status, errors) == (-signal.SIGINT, "interrupted\n")
    assert (tmp_path / "out").read_text() == "whole"


def test_what_is_ignored_stays_ignored(tmp_path):
    """A shell starts programs in the background so."""
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    program = 'print("ready", flush=True); time.sleep(1); print("done", file=sys.stderr)'
    command = [sys.executable, "-c", f"{ignoring}{START}{program}"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "done\n")


def test_every_program_ends_at_once_and_cleanly():
    """Before its imports by the signal alone, and later with what it has to clean up."""
    assert len(PROGRAMS) > 20
    for path in PROGRAMS:
        text = path.read_text(encoding="utf-8")
        assert 0 < text.find("    end_at_once()\n") < text.find("\nimport "), path
        assert "    show_input_errors_plainly()\n" in text, path
