"""What is typed, what a checkpoint records, and what lies beside it, without any model."""

import argparse

import pytest
from omegaconf import OmegaConf

from cline_fairseq.checkpoint_files import (
    Record,
    checkpoint_file,
    find_files,
    find_tokenizer,
    tokenizer_in,
)
from cline_fairseq.errors import MissingFileError
from cline_fairseq.tokenizer import TokenizerFiles


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project as the README lays it out, trained with relative paths from its folder."""
    folder = tmp_path / "project"
    touch(folder / "data-bin" / "dict.txt")
    touch(folder / "vocabulary" / "pieces.model")
    touch(folder / "checkpoints" / "checkpoint_best.pt")
    monkeypatch.chdir(folder)
    return folder


def record(data="data-bin", model="vocabulary/pieces.model", task="cline"):
    bpe = {"_name": "sentencepiece", "sentencepiece_model": model} if model else None
    return Record.of(OmegaConf.create({"task": {"_name": task, "data": data}, "bpe": bpe}))


def find(folder, recorded, data=None, **typed):
    bpe = typed.pop("bpe", None)
    checkpoint = folder / "checkpoints" / "checkpoint_best.pt"
    data, tokenizer = find_files(checkpoint, recorded, data, TokenizerFiles(bpe, **typed))
    return data, tokenizer.sentencepiece_model


def test_as_recorded(project):
    data, model = find(project, record())
    assert str(data) == "data-bin"
    assert model == "vocabulary/pieces.model"


def test_relative_paths_are_found_from_elsewhere(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data, model = find(project, record())
    assert data == project / "data-bin"
    assert model == str(project / "vocabulary" / "pieces.model")


def test_a_project_that_was_moved(project):
    """Its absolute paths lead nowhere; names beside the checkpoints do."""
    touch(project / "pieces.model")
    data, model = find(project, record("/old/data-bin", "/old/vocabulary/pieces.model"))
    assert data == project / "data-bin"
    assert model == str(project / "pieces.model")


def test_what_is_typed_goes_first(project):
    other, model = project / "other", touch(project / "checkpoints" / "sentencepiece.bpe.model")
    other.mkdir()
    assert find(project, record(), other, sentencepiece_model=model) == (other, str(model))
    assert find(project, record(), other)[1] == "vocabulary/pieces.model"
    checkpoint = project / "checkpoints" / "checkpoint_best.pt"
    files = {name: touch(project / name) for name in ("encoder.json", "vocab.bpe")}
    _, tokenizer = find_files(checkpoint, record(), None, TokenizerFiles("gpt2"))
    assert tokenizer.given() == {
        "bpe": "gpt2",
        "gpt2_encoder_json": str(files["encoder.json"]),
        "gpt2_vocab_bpe": str(files["vocab.bpe"]),
    }


def test_the_first_data_folder_that_is_there(project):
    assert str(find(project, record("/gone/shard0:data-bin:/gone/shard2"))[0]) == "data-bin"


@pytest.mark.parametrize(
    "names", [("sentencepiece.bpe.model",), ("spm.model",), ("encoder.json", "vocab.bpe")]
)
def test_an_archive_without_a_record(tmp_path, names):
    """As roberta.base, whose record is of another machine."""
    checkpoint = touch(tmp_path / "roberta.base" / "model.pt")
    touch(checkpoint.parent / "dict.txt")
    for name in names:
        touch(checkpoint.parent / name)
    data, tokenizer = find_files(checkpoint, record("/private/bin", None))
    assert data == checkpoint.parent
    found = {value for value in vars(tokenizer).values() if value}
    assert found == {tokenizer.bpe, *(str(checkpoint.parent / name) for name in names)}


def test_the_nearest_tokenizer(tmp_path):
    """Beside the checkpoint, then with the data, then around them; both files of one folder."""
    checkpoint, data = touch(tmp_path / "a" / "run" / "x.pt"), tmp_path / "b" / "data"
    touch(data / "dict.txt")
    for folder in (tmp_path / "b", tmp_path / "a", data, checkpoint.parent):
        touch(checkpoint.parent / "encoder.json")  # of no use without the other one
        model = touch(folder / "sentencepiece.model")
        found = find_tokenizer(checkpoint, record(model=None), data)
        assert found.sentencepiece_model == str(model)


def test_a_classifier_takes_no_dictionary_of_a_corpus(project):
    touch(project / "checkpoints" / "dict.txt")
    with pytest.raises(MissingFileError, match=r"find the data folder /gone/RTE for .*--data"):
        find(project, record("/gone/RTE", task="sentence_prediction"))
    task = touch(project / "RTE" / "input0" / "dict.txt").parent.parent
    assert find(project, record("/gone/RTE", task="sentence_prediction"))[0] == task


@pytest.mark.parametrize(
    ("recorded", "typed", "message"),
    [
        (
            record("/gone/bin", "/gone/spm.model"),
            {},
            "cannot find the data folder /gone/bin and /gone/spm.model for CHECKPOINT, at the "
            "recorded path or next to it: specify --data FOLDER --sentencepiece-model FILE",
        ),
        (record("", None), {}, "find the dictionary (dict.txt) and the tokenizer for CHECKPOINT"),
        (record("", "/gone/spm.model"), {"data": "data-bin"}, "find /gone/spm.model for"),
        (
            record("", None),
            {"data": "data-bin"},
            "specify --bpe sentencepiece --sentencepiece-model",
        ),
        (record(), {"bpe": "gpt2"}, "find encoder.json and vocab.bpe for"),
        (record(), {"data": "nowhere"}, "no folder nowhere"),
    ],
)
def test_all_that_is_missing_is_named(project, recorded, typed, message):
    data = typed.pop("data", None)
    data = data and project.__class__(data)
    with pytest.raises(MissingFileError) as caught:
        find(project, recorded, data, **typed)
    checkpoint = str(project / "checkpoints" / "checkpoint_best.pt")
    assert message in str(caught.value).replace(checkpoint, "CHECKPOINT")


def test_no_tokenizer(tmp_path):
    assert tokenizer_in([tmp_path]) is None
    assert find_tokenizer(tmp_path / "x.pt", record(model=None), tmp_path) is None


def test_a_folder_stands_for_its_checkpoint(tmp_path):
    with pytest.raises(MissingFileError, match=r"no model\.pt, checkpoint_best\.pt or check"):
        checkpoint_file(tmp_path)
    for name in ("checkpoint_last.pt", "checkpoint_best.pt", "model.pt"):
        path = touch(tmp_path / name)
        assert checkpoint_file(tmp_path) == path == checkpoint_file(path)
    with pytest.raises(MissingFileError, match=r"no checkpoint .*nothing\.pt"):
        checkpoint_file(tmp_path / "nothing.pt")


def test_records_without_a_configuration():
    """As of the first checkpoints, and of those that hold plain data."""
    task = argparse.Namespace(data=None)
    assert Record.of({"task": task, "bpe": None}) == ([], {}, False)
    assert Record.of({"task": task}) == ([], {}, False)
    bpe = OmegaConf.create({"_name": "sentencepiece", "sentencepiece_model": "???"})
    assert Record.of({"task": task, "bpe": bpe}).bpe == {"_name": "sentencepiece"}
