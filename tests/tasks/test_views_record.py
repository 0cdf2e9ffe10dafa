"""What a checkpoint records of its views, and what a resumed run says of it."""

import logging
import shutil

import pytest

from cline_fairseq.rewriting.lexicon import resource_path
from cline_fairseq.tasks import views_record
from helpers import FIRST_VERSION, make_task


def task(**options):
    return make_task(FIRST_VERSION, data=str(FIRST_VERSION / "data-bin"), **options)


def record(**options):
    return task(**options).get_checkpoint_dict()["ClineTask"]


def said(caplog, before, **options):
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        task(**options).set_checkpoint_dict(before)
    return [line.getMessage() for line in caplog.records]


def test_holds_plain_data():
    """torch loads it with weights_only."""

    found = record(sample_break_mode="eos")
    values = [*found.pop("options").values(), *found.values()]
    assert {type(value) for value in values} <= {str, int, float, bool}


def test_nothing_to_say(caplog):
    assert said(caplog, record()) == []
    # Options that are newer than the checkpoint have their defaults.
    older = record()
    del older["options"]["enough_antonyms"]
    assert said(caplog, older) == []
    assert len(said(caplog, older, enough_antonyms=0.5)) == 1


@pytest.mark.parametrize(
    ("option", "value", "default"),
    [
        ("synonym_ratio", 0.3, 0.4),
        ("antonym_kinds", "antonym=1", "antonym=0.7,indirect_antonym=0.3,cohyponym=1,random=1"),
        ("seed", 2, 1),
        ("tokens_per_sample", 48, 64),
        ("sample_break_mode", "eos", "complete"),
    ],
)
def test_changed_option(caplog, option, value, default):
    (line,) = said(caplog, record(), **{option: value})
    name = option.replace("_", "-")
    assert line.endswith(
        f"the resumed run makes different views: --{name} {value} (before: {default})"
    )


def test_defaults_of_before(caplog):
    """A run that is older than co-hyponyms, with the default kinds of its time."""
    kinds = {
        "synonym_kinds": "synonym=0.6,hypernym=0.2,inflection=0.2",
        "antonym_kinds": "antonym=0.7,indirect_antonym=0.3,random=1",
    }
    before = record(**kinds) | {"rewriter": 1}
    (line,) = said(caplog, before)
    for name, old in kinds.items():
        assert f"--{name.replace('_', '-')} " in line
        assert f"(before: {old})" in line
    (line,) = said(caplog, before, **kinds)
    assert line == "the resumed run makes different views: another version of the rewriter"


def test_changed_parts(caplog, monkeypatch, tmp_path):
    before = record()
    shutil.copy(resource_path("en", "lexicon"), tmp_path / "same.npz")
    assert said(caplog, before, lexicon=str(tmp_path / "same.npz")) == []
    (tmp_path / "other.npz").write_bytes(b"other")
    monkeypatch.setattr(views_record, "VERSION", views_record.VERSION + 1)
    monkeypatch.setattr(views_record, "ORDER_VERSION", views_record.ORDER_VERSION + 1)
    other = str(tmp_path / "other.npz")
    (line,) = said(caplog, before, lexicon=other, tagger=other)
    for part in ("lexicon", "tagger", "rewriter", "order of blocks"):
        assert part in line


def test_first_version(caplog):
    (line,) = said(caplog, {})
    assert "does not record what made its views" in line
    assert "order of blocks" in line
