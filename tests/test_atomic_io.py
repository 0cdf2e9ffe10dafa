import os
import stat
from pathlib import Path

import pytest

from cline_fairseq.atomic_io import atomic_write, is_plain_name, make_folder, require_folder_of
from cline_fairseq.errors import InputError


def write(path, text="new"):
    with atomic_write(path) as part:
        part.write_text(text)


def test_devices_stay_devices(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write(tmp_path / "pipe")
    assert os.read(reader, 9) == b"new"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.parametrize("exists", [True, False])
def test_the_target_of_a_link_is_replaced(tmp_path, exists):
    (tmp_path / "other").mkdir()
    target, link = tmp_path / "other" / "target", tmp_path / "link"
    if exists:
        target.write_text("old")
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert os.listdir(target.parent) == ["target"]


def test_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder: specify a file"):
        write(tmp_path)


def test_file_modes_are_the_umask_s(tmp_path):
    write(tmp_path / "a")
    (tmp_path / "b").write_text("")
    modes = {(tmp_path / name).stat().st_mode for name in "ab"}
    assert len(modes) == 1


def test_folders_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        InputError, match=r"cannot create the folder .*file/deep \(Not a directory\)"
    ):
        make_folder(tmp_path / "file" / "deep")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a/", "/a"])
def test_names_that_leave_their_folder(name):
    assert not is_plain_name(name)
    assert is_plain_name("train.v2")


def test_no_permission_to_write(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(InputError, match="no permission to write out in"):
        require_folder_of(tmp_path / "out")
    require_folder_of(Path(os.devnull))
    require_folder_of(None)
