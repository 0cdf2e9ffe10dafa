import subprocess
import sys
from pathlib import Path

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.runtime.child_failures import require_success


def ended(code):
    """The status and output of a program."""
    result = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return result.returncode, result.stdout.splitlines(keepends=True)


def message(code, log=None):
    status, lines = ended(code)
    with pytest.raises(InputError) as error:
        require_success(status, "the run 'a'", lines, log)
    return str(error.value)


def test_one_that_succeeds(capfd):
    status, lines = ended("print('error: none')")
    require_success(status, "the run", lines)
    assert capfd.readouterr() == ("", "")


def test_its_own_sentence(capfd):
    code = "print('loading\\nerror: no text a.txt', flush=True); raise SystemExit(1)"
    assert message(code) == "the run 'a' failed: no text a.txt"
    expected = "the run 'a' failed: no text a.txt; its full output is in train.log"
    assert message(code, Path("train.log")) == expected
    assert capfd.readouterr() == ("", "")


def test_no_sentence(capfd):
    assert message("print('huh'); raise SystemExit(3)") == "the run 'a' failed with exit status 3"
    assert capfd.readouterr() == ("", "huh\n")


def test_one_that_is_stopped_as_this_process_ends(capfd, monkeypatch):
    monkeypatch.setattr("cline_fairseq.runtime.child_failures.was_interrupted", lambda: True)
    assert message("print('half'); raise SystemExit(1)") == "the run 'a' failed with exit status 1"
    assert capfd.readouterr() == ("", "")


def test_one_that_is_killed():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert message(code) == "the run 'a' was ended by SIGKILL"
