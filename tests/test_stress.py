"""A small part of tests/stress, which breaks programs on purpose."""

import pytest

from stress import attacks, full_disks, mutations
from stress.material import Material


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "number"),
    [(mutations.mutations, 30), (attacks.attacks, 12), (full_disks.full_disks, 11)],
)
def test_what_is_broken_on_purpose(tmp_path, check, number):
    folder = tmp_path / "work"
    folder.mkdir()
    trials = list(check(Material(tmp_path / "material"), number, 7, folder))
    assert len(trials) >= number
    assert not [trial for trial in trials if trial.failure]
