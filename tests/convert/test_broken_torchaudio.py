"""fairseq brings torchaudio, which may not fit the installed torch."""

import os
import subprocess
import sys

import pytest

from programs import ROOT

pytest.importorskip("transformers", reason="needs the extra interop")

PROGRAM = """
from importlib.util import find_spec
import cline_fairseq.convert.hf_library
print(find_spec("torchaudio") is not None)
"""


@pytest.mark.parametrize(
    ("source", "is_found"),
    [("raise OSError('cannot load')", False), ("raise ImportError", False), ("", True)],
)
def test_transformers_sees_torchaudio_only_if_it_can_be_loaded(tmp_path, source, is_found):
    (tmp_path / "torchaudio.py").write_text(source)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == f"{is_found}\n"
