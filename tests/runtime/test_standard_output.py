"""Each test starts a small program, whose standard output is a file or a pipe."""

import os
import subprocess
import sys

import pytest

START = """
import resource, sys, time
from cline_fairseq.errors import show_input_errors_plainly
show_input_errors_plainly()
"""


def started(program, **options):
    command = [sys.executable, "-c", START + program]
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=buffered, **options)


@pytest.mark.parametrize(("size", "status"), [(10, 0), (1_000_000, 1)])
def test_nobody_reads(size, status):
    """As in ``program | head``: while it writes, or at its end."""
    program = f"sys.stdin.read()\nprint('x' * {size})"
    with started(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == ""
    assert process.returncode == status


def test_other_pipes_that_break_are_errors():
    with started("raise BrokenPipeError('of a worker')", stdout=subprocess.PIPE) as process:
        assert "BrokenPipeError: of a worker" in process.stderr.read()
    assert process.returncode == 1


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_full_disk(tmp_path, size):
    program = f"resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\nprint('x' * {size})"
    with (tmp_path / "out").open("w") as out, started(program, stdout=out) as process:
        errors = process.stderr.read()
    assert process.returncode == 1
    assert errors.startswith("error: no space left to write")
    assert "(File too large)" in errors or "File too large;" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("change", ["sys.stdout = None", "sys.stdout.close()"])
def test_no_standard_output(change):
    with started(change) as process:
        assert process.stderr.read() == ""
    assert process.returncode == 0
