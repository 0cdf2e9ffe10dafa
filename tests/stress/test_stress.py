"""A few of the attempts of run.py, with a seed; the program makes many more."""

import pytest

from stress.run import run_checks


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("check", "number"),
    [
        *(("kills-corpus", 4), ("kills-training", 1), ("kills-ranks", 3)),
        *(("pairs", 4), ("signals", 5)),
        *(("full-disks", 6), ("mutations", 30), ("attacks", 12)),
    ],
)
def test_holds(check, number, tmp_path):
    trials = [trial for _, trial in run_checks({check: number}, 1, tmp_path)]
    assert len(trials) == number
    assert not [trial for trial in trials if trial.failure]
