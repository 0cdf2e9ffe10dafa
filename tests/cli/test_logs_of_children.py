"""What a child that fails has said is shown as text, which a terminal does not obey."""

import sys

import pytest

from cline_fairseq.cli import quickstart
from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.finetuning.training import train

CODE = r"print('\x1b[31mred'); raise SystemExit(3)"
SHOWN = "\\x1b[31mred\n"


def test_quickstart(capsys):
    with pytest.raises(InputError, match=r"^python failed with exit status 3$"):
        quickstart.run("python", "-c", CODE)
    assert SHOWN in capsys.readouterr().err


def test_glue_finetune(capsys, monkeypatch, tmp_path):
    program = tmp_path / "fairseq-train"
    program.write_text(f"#!{sys.executable}\n{CODE}\n")
    program.chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match=r"^fairseq-train failed with exit status 3; .*train.log$"):
        train([], tmp_path / "train.log", 1, "RTE")
    assert SHOWN in capsys.readouterr().err
    assert "\x1b[31mred\n" in (tmp_path / "train.log").read_text()
