import os
import subprocess
import sys
from pathlib import Path

import pytest

from cline_fairseq.atomic_io import atomic_write
from cline_fairseq.runtime.parts import HOST, MACHINE, _host, part_path, remove_part


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
    with atomic_write(tmp_path / "other.json") as part:
        assert not left.exists()
        part.write_text("{}")
    assert os.listdir(tmp_path) == ["other.json"]


def test_own_parts_of_an_earlier_life_are_removed(tmp_path):
    """Where a container is started again, its processes have the same ids as before."""
    left = tmp_path / f"model.{HOST}.{os.getpid()}.part"
    left.mkdir()
    part = part_path(tmp_path / "model")
    part.mkdir()
    assert part == left
    with atomic_write(tmp_path / "other"):  # does not take it for a leftover
        assert part.is_dir()
        (tmp_path / f"other.{HOST}.{os.getpid()}.part").write_text("")
    remove_part(part)


@pytest.mark.skipif(HOST == MACHINE, reason="this system has no boot ids")
def test_parts_of_before_the_last_start_are_removed(tmp_path):
    """But for those that have been written since then: a copy of the machine is writing them."""
    names = [f"views.{name}.{os.getppid()}.part" for name in (f"{MACHINE}-0000abcd", "my-0000abcd")]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.pt").write_text("much")
        os.utime(tmp_path / name, (1, 1))
    with atomic_write(tmp_path / "other.json") as part:
        part.write_text("{}")
    assert set(os.listdir(tmp_path)) == {*names, "other.json"}
    for name in names:
        os.utime(tmp_path / name / "model.pt", (1, 1))
    with atomic_write(tmp_path / "other.json") as part:
        part.write_text("{}")
    assert set(os.listdir(tmp_path)) == {names[1], "other.json"}


def test_parts_in_a_folder_by_another_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    part = part_path(Path("model"))
    part.mkdir()
    remove_part(part_path(tmp_path / "other"))
    assert part.is_dir()
    remove_part(part)


def test_parts_that_may_not_be_removed(tmp_path, dead, monkeypatch):
    left = tmp_path / f"views.{HOST}.{dead}.part.jsonl"
    left.write_text("much")
    unlink = Path.unlink

    def of_another_user(path, **options):
        if path == left:
            raise PermissionError
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", of_another_user)
    with atomic_write(tmp_path / "other.json") as part:
        part.write_text("{}")
    assert set(os.listdir(tmp_path)) == {left.name, "other.json"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has boot ids")
def test_machines_of_the_same_name_differ(tmp_path, monkeypatch):
    assert _host() == HOST
    (tmp_path / "boot_id").write_text("00000000-0000-0000-0000-000000000000\n")
    with monkeypatch.context() as patched:
        patched.setattr("cline_fairseq.runtime.parts._BOOT_ID", tmp_path / "boot_id")
        assert _host() != HOST
    (tmp_path / "machine-id").write_text("00000000000000000000000000000000\n")
    monkeypatch.setattr("cline_fairseq.runtime.parts._MACHINE_ID", tmp_path / "machine-id")
    assert _host() != HOST


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
    with atomic_write(tmp_path / "views.jsonl") as part:
        part.write_text("")
    assert set(os.listdir(tmp_path)) == {*kept, "views.jsonl"}
