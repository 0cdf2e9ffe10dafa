"""Copies of checkpoints appear whole."""

import os
import shutil

from fairseq import checkpoint_utils, file_io


class KeepsFiles:
    """iopath, where it is installed: it overwrites only if it is asked to."""

    _path_handlers = {}  # noqa: RUF012  as iopath has it

    @staticmethod
    def copy(src_path, dst_path, overwrite):
        if not overwrite and os.path.exists(dst_path):
            return False
        shutil.copyfile(src_path, dst_path)
        return True


def test_copies_of_checkpoints_appear_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(file_io, "IOPathManager", KeepsFiles)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    target.write_text("old")
    copy = checkpoint_utils.PathManager.copy
    assert not copy(str(source), str(target))
    assert target.read_text() == "old"
    reader = target.open()  # whoever has the old file open goes on reading it
    assert copy(str(source), str(target), overwrite=True)
    assert (target.read_text(), reader.read()) == ("new", "old")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "target"]
    assert copy(str(source), str(tmp_path / "other"))
    # The class that others use is fairseq's.
    target.write_text("older")
    reader = target.open()
    assert file_io.PathManager.copy(str(source), str(target), overwrite=True)
    assert reader.read() == "new"
