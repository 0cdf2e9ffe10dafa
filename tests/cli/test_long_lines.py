"""A text without ends of lines must not take all memory."""

import resource
import subprocess

import pytest

from helpers import TOKENIZER
from stress.material import ROOT, command, environment

_MEMORY = 2 << 30  # bytes; a line takes 50 to 100 times its length


@pytest.fixture(scope="module")
def one_line(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "line.txt"
    path.write_bytes(b"some words " * (6 << 20))
    return path


@pytest.mark.parametrize("program", ["rewrite", "encode", "train_sentencepiece"])
def test_too_long(corpus, one_line, tmp_path, program):
    options = {
        "rewrite": ("--output", tmp_path / "views.jsonl"),
        "encode": (
            *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
            *("--dict", corpus / "dict.txt", "--binarize", "--dest", tmp_path),
        ),
        "train_sentencepiece": ("--dest", tmp_path, "--vocab-size", 500),
    }[program]
    result = subprocess.run(
        command(f"scripts/{program}.py", "--input", one_line, *options),
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY)),
    )
    assert result.returncode == 1
    assert "line.txt, line 1 has more than 16,777,216 bytes: write one" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.glob("*.bin"))
