"""Logs of training that are damaged, or that a run which was killed has left."""

import importlib
import sys

import pytest

from cline_fairseq.errors import InputError
from programs import ROOT

LINE = '2026-01-02 03:04:05 | INFO | train_inner | {"num_updates": "1", "loss": "2.5"}\n'


@pytest.fixture
def plot_training(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    return importlib.import_module("plot_training")


def test_damaged_lines_are_told(plot_training, tmp_path):
    log = tmp_path / "train.log"
    for damaged in (LINE.replace('"1"', '"1'), LINE.replace("num_", "nun_")):
        log.write_text(f"{LINE}{damaged}")
        with pytest.raises(InputError, match=r"train\.log, line 2: its JSON is damaged"):
            plot_training.read_log(log)
    assert plot_training.parse_line(LINE.replace('"1"', '"1')) == (None, {})


def test_a_line_that_was_not_finished(plot_training, tmp_path):
    """The next run begins in the middle of it."""
    log = tmp_path / "train.log"
    log.write_text(f"{LINE[:-8]}{LINE}{LINE[:-8]}")
    assert plot_training.read_log(log)["train_inner"] == [{"num_updates": 1, "loss": 2.5}]
