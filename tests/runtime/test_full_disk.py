import errno
import os

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.runtime.full_disk import room_for
from cline_fairseq.training.saving import last_checkpoint_named


def full():
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fill(context, error):
    with context:
        raise error


def replaced():
    """What a library raises in the place of the system's error."""
    try:
        try:
            raise full()
        except OSError:
            raise RuntimeError("unexpected pos 1340096")  # noqa: B904  as torch does
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    "error", [full(), Exception("IoError: No space left on device (os error 28)"), replaced()]
)
def test_one_sentence(tmp_path, error):
    with pytest.raises(InputError, match=r"^no space left to write .*out \(No space left"):
        fill(room_for(tmp_path / "out"), error)
    with pytest.raises(ValueError, match=r"^another$"):
        fill(room_for(tmp_path / "out"), ValueError("another"))


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ([], "no checkpoint is complete yet, and the same command starts again"),
        (["checkpoint_1_5.pt"], "1_5.pt is complete, and --restore-file .*1_5.pt resumes from it"),
        (
            ["checkpoint_1_5.pt", "checkpoint_last.pt"],
            "last.pt is complete, and the same command resumes from it",
        ),
    ],
)
def test_the_last_checkpoint_is_named(tmp_path, names, advice):
    for name in [*names, "checkpoint_1_9.pt.tmp"]:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"no space left to save a checkpoint .*{advice}$"):
        fill(last_checkpoint_named(str(tmp_path)), replaced())
    assert {path.name for path in tmp_path.iterdir()} == set(names)


def test_other_errors_in_saving_pass(tmp_path):
    (tmp_path / "checkpoint_1_9.pt.tmp").touch()
    with pytest.raises(RuntimeError, match=r"^another$"):
        fill(last_checkpoint_named(str(tmp_path)), RuntimeError("another"))
    assert any(tmp_path.iterdir())
