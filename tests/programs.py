"""Running programs as a user does, each in a process of its own.

Loading torch and fairseq takes seconds, and the tests run a hundred programs. So their processes
are forked from one that has loaded both, and has done nothing else.
"""

import logging
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from unittest import mock

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

# One thread each, as tests run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["fairseq.trainer", "sentencepiece"])


def run(*command, check=True, **env):
    """Run a program of ours or of fairseq's, from the root of the project.

    Args:
        command: the program and its arguments: a script's path, or what is installed.
        check: fail the test if the program fails.
        env: variables beside those of this process.
    """
    name, *arguments = map(str, command)
    program = BIN / name if (BIN / name).exists() else ROOT / name
    is_script = program.suffix == ".py" or "python" in program.read_bytes()[:100].decode("latin1")
    # Python reads its own variables when it starts.
    fresh = not is_script or any(variable.startswith("PYTHON") for variable in env)
    result = (_start if fresh else _fork)(program, arguments, {**os.environ, **env})
    if check and result.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}\n{result.stdout}\n{result.stderr}")
    return result


def _start(program, arguments, environment):
    command = [program, *arguments]
    if program.suffix == ".py":
        command.insert(0, sys.executable)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def _fork(program, arguments, environment):
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _forks.Process(target=_enter, args=(program, arguments, environment, outputs))
        main = SimpleNamespace(name="tests.__main__")  # a name that the process does not import
        with mock.patch.object(sys.modules["__main__"], "__spec__", main):
            process.start()
        process.join()
        return CompletedProcess(
            [program, *arguments], process.exitcode, *(path.read_text() for path in outputs)
        )


def _enter(program, arguments, environment, outputs):
    """Make of this process what Python would start for a program."""
    for file, path in zip((1, 2), outputs, strict=True):
        os.dup2(os.open(path, os.O_CREAT | os.O_WRONLY), file)
    multiprocessing.set_start_method(None, force=True)  # what Python has without being told
    os.chdir(ROOT)
    os.environ.clear()
    os.environ.update(environment)
    logging.root.handlers.clear()  # fairseq's import sets one; its programs set theirs before
    logging.root.setLevel(logging.WARNING)
    sys.argv = [str(program), *arguments]
    sys.path = [str(program.parent), *(path for path in sys.path if path != str(ROOT / "tests"))]
    try:
        runpy.run_path(str(program), run_name="__main__")
    except Exception:
        sys.excepthook(*sys.exc_info())  # ours shows a user's error in one sentence
    else:
        return
    sys.exit(1)  # after what the traceback held is gone, which may print something
