"""Logs of training that are damaged, or that a run which was killed has left."""

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.training.logs import parse_line, read_log

LINE = '2026-01-02 03:04:05 | INFO | train_inner | {"num_updates": "1", "loss": "2.5"}\n'


def test_damaged_lines_are_told(tmp_path):
    log = tmp_path / "train.log"
    for damaged in (LINE.replace('"1"', '"1'), LINE.replace("num_", "nun_")):
        log.write_text(f"{LINE}{damaged}")
        with pytest.raises(InputError, match=r"train\.log, line 2: its JSON is damaged"):
            read_log(log)
    assert parse_line(LINE.replace('"1"', '"1')) == (None, {})


def test_a_line_that_was_not_finished(tmp_path):
    """The next run begins in the middle of it."""
    log = tmp_path / "train.log"
    log.write_text(f"{LINE[:-8]}{LINE}{LINE[:-8]}")
    assert read_log(log)["train_inner"] == [{"num_updates": 1, "loss": 2.5}]
