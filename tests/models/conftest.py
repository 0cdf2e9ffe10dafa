"""Both paths of the model on a CPU."""

import pytest

from cline_fairseq.models import cpu

# What may be asked of cpu.py where it is switched off: whether it takes something.
_QUESTIONS = ("multiplies", "draws_masks")


@pytest.fixture(params=["cpu", "plain"])
def path(request, monkeypatch):
    """Run a test with what cpu.py has, and with what every other device runs, without cpu.py."""
    if request.param == "plain":
        monkeypatch.setattr(cpu, "enabled", False)
        for name, item in list(vars(cpu).items()):
            if getattr(item, "__module__", None) == cpu.__name__ and name not in _QUESTIONS:
                monkeypatch.setattr(cpu, name, _refuse)
    return request.param


def _refuse(*args, **kwargs):
    raise AssertionError("the plain path has called cpu.py")
