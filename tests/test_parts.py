import os
import subprocess
import sys

import pytest

from cline_fairseq.files import written_whole
from cline_fairseq.parts import HOST, part_path, remove_part


@pytest.fixture(scope="module")
def dead():
    """The process id of a program that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_each_process_has_names_of_its_own(tmp_path):
    part = part_path(tmp_path / "model.pt")
    assert part.parent == tmp_path
    assert part.suffix == ".pt"
    assert f".{HOST}.{os.getpid()}.part" in part.name
    remove_part(part)  # it was never written


@pytest.mark.parametrize("is_folder", [False, True])
def test_parts_of_killed_processes_are_removed(tmp_path, dead, is_folder):
    left = tmp_path / f"views.{HOST}.{dead}.part.jsonl"
    if is_folder:
        left = tmp_path / f"my-model.{HOST}.{dead}.part"
        left.mkdir()
        (left / "model.pt").write_text("much")
    else:
        left.write_text("much")
    with written_whole(tmp_path / "other.json") as part:
        assert not left.exists()
        part.write_text("{}")
    assert os.listdir(tmp_path) == ["other.json"]


def test_parts_of_others_stay(tmp_path, dead):
    """Those of a process that runs, or of another host, whose processes cannot be seen."""
    kept = {
        f"views.{HOST}.{os.getppid()}.part.jsonl",
        f"views.{HOST}2.{dead}.part.jsonl",
        f"views.my.{dead}.part.jsonl",
        f"views.{dead}.partly.jsonl",
    }
    for name in kept:
        (tmp_path / name).write_text("much")
    with written_whole(tmp_path / "views.jsonl") as part:
        part.write_text("")
    assert set(os.listdir(tmp_path)) == {*kept, "views.jsonl"}
