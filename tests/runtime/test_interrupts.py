"""Each test starts a small program, as handlers of signals are those of a whole process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from programs import ROOT
from stuck import START, STUCK

PROGRAMS = [*ROOT.glob("scripts/*.py"), *ROOT.glob("examples/*/*.py")]
WRITING = """
with atomic_write(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
CHANGED = """
with atomic_write(Path(sys.argv[1])) as part:
    print("ready", flush=True)
    try:
        time.sleep(60)
    except BaseException as error:
        raise ImportError("a library's own idea") from error
"""
POOL = """
from cline_fairseq.parallel import ordered_map
from in_workers import start, wait_in_worker
if __name__ == "__main__":
    print("ready", flush=True)
    list(ordered_map(wait_in_worker, range(20), 2, start))
"""
HELD = """
from cline_fairseq.runtime.interrupts import held
with held():
    print("ready", flush=True)
    time.sleep(0.5)
    Path(sys.argv[1]).write_text("whole")
time.sleep(60)
"""
IN_DEL = """
class Slow:
    def __del__(self):
        print("ready", flush=True)
        time.sleep(0.5)
with atomic_write(Path(sys.argv[1])) as part:
    part.write_text("half")
    Slow()
    try:
        time.sleep(60)
    finally:
        print("cleaned up", file=sys.stderr, flush=True)
"""
RANK = """
import sys, time
sys.argv[0] = "fairseq-train"
import fairseq
import cline_fairseq
from cline_fairseq.atomic_io import atomic_write
from pathlib import Path
with atomic_write(Path(sys.argv[1])) as part:
    part.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
LAUNCHER = f"""
import subprocess, sys
command = [sys.executable, "-c", {RANK!r}, sys.argv[1]]
subprocess.run(command, start_new_session=True)
"""
SLOW_EXIT = """
import atexit
atexit.register(time.sleep, 10)
print("ready", flush=True)
time.sleep(60)
"""
STUCK_WORKER = """
import multiprocessing, os
def work():
    while True:
        try:
            print(os.getpid(), flush=True)
            time.sleep(60)
        except BaseException:
            pass
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=work)
    process.start()
    process.join()
"""
FORKED = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: print("there", flush=True))
if os.fork():
    time.sleep(0.2)
    os._exit(0)  # as daemons do
print(os.getpid(), flush=True)
time.sleep(60)
"""
LEAKING = f"""
import multiprocessing
lock = multiprocessing.get_context("spawn").Lock()
{STUCK}"""
WAKEUP = """
import os, signal
reader, writer = os.pipe()
os.set_blocking(writer, False)
"""
ENDS = {signal.SIGINT: "interrupted\n", signal.SIGTERM: "terminated by SIGTERM\n"}


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


@pytest.mark.parametrize("program", [STUCK, LEAKING])
def test_what_does_not_end_is_ended(tmp_path, program):
    """And multiprocessing does not complain of semaphores that it has to remove."""
    status, errors, seconds = hit(program, tmp_path / "out", signal.SIGINT)
    assert (status, errors) == (130, "interrupted\n")
    assert 1 < seconds < 5  # two, if nothing else runs
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


@pytest.mark.parametrize("kind", ENDS)
def test_in_a_finalizer_whose_exceptions_python_ignores(tmp_path, kind):
    status, errors, _ = hit(IN_DEL, tmp_path / "out", kind)
    assert (status, errors) == (-kind, f"cleaned up\n{ENDS[kind]}")
    assert not list(tmp_path.iterdir())


def test_ranks_end_with_their_launcher(tmp_path, monkeypatch):
    """They are of other sessions than torchrun, and it may be killed."""
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    command = [sys.executable, "-c", LAUNCHER, tmp_path / "out"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.kill()
        start = time.monotonic()
        assert process.stdout.read() == ""  # its end is that of the rank
        assert process.stderr.read().splitlines(keepends=True)[-1] == ENDS[signal.SIGTERM]
        assert time.monotonic() - start < 10  # two, if nothing else runs
    assert not list(tmp_path.iterdir())


def test_no_traceback_while_programs_import():
    code = """
import time
from cline_fairseq.runtime.interrupts import end_at_once
end_at_once()
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
    assert process.returncode == -signal.SIGINT


def test_a_slow_exit_is_reported_once(tmp_path):
    status, errors, _ = hit(SLOW_EXIT, tmp_path / "out", signal.SIGINT)
    assert (status, errors) == (130, "interrupted\n")


def test_workers_leave_the_line_to_their_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(START + STUCK_WORKER)
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.kill(int(process.stdout.readline()), signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert errors == ""


def test_daemons_outlive_the_process_that_forked_them():
    command = [sys.executable, "-c", START + FORKED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        daemon = int(process.stdout.readline())
        process.wait()
        time.sleep(0.8)
        os.kill(daemon, signal.SIGUSR1)
        assert process.stdout.readline() == "there\n"
        os.kill(daemon, signal.SIGTERM)
        assert process.stdout.read() == ""  # its end is the output's


def test_children_that_are_forked_to_run_programs_do_not_ignore_ctrl_c():
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    program = f"""
import subprocess
subprocess.run([sys.executable, "-c", {code!r}], preexec_fn=lambda: None)
"""
    command = [sys.executable, "-c", START + program]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "True\n"


def test_an_event_loop_still_learns_of_signals():
    program = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: None)
os.kill(os.getpid(), signal.SIGUSR1)
print(os.read(reader, 1)[0])
"""
    before = f"{WAKEUP}signal.set_wakeup_fd(writer)\n"
    command = [sys.executable, "-c", before + START + program]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert result.stdout == f"{int(signal.SIGUSR1)}\n"


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
        if "from cline_fairseq.cli.main import run\n" in text:
            text = (ROOT / "cline_fairseq" / "cli" / "main.py").read_text(encoding="utf-8")
            assert 0 < text.find("    end_at_once()") < text.find("    importlib.import_module(")
            assert "    show_input_errors_plainly()\n" in text
            continue
        assert 0 < text.find("    end_at_once()\n") < text.find("\nimport "), path
        assert "    show_input_errors_plainly()\n" in text, path
