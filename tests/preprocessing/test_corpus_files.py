"""The files of a corpus: formats by name, and the folders of Hugging Face data sets."""

import json

import pytest

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.preprocessing.corpus_files import corpus_files, has_rows, open_source
from row_files import write_rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json.gz", "a.jsonl.zst", "a.b.json.xz"])
def test_rows_by_name(tmp_path, name):
    assert has_rows(tmp_path / name)
    assert not has_rows(tmp_path / name.replace(".json", ".txt").replace(".ndjson", ".md"))


def saved(folder, texts, shards=2):
    """A data set in the layout of ``Dataset.save_to_disk``."""
    folder.mkdir(parents=True)
    names = [f"data-{i:05}-of-{shards:05}.arrow" for i in range(shards)]
    for i, name in enumerate(names):
        write_rows(folder / name, texts[i::shards])
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")
    return [folder / name for name in names]


def test_saved_data_sets(tmp_path):
    alone = saved(tmp_path / "alone", ["a", "b", "c"])
    assert corpus_files([tmp_path / "alone"], "any") == alone
    both = tmp_path / "both"
    valid, train = (saved(both / name, ["a", "b", "c"]) for name in ("validation", "train"))
    (both / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    text = tmp_path / "text.txt"
    text.write_text("text")
    assert corpus_files([text, both], "train") == [text, *train]
    assert corpus_files([both, text], "validation") == [*valid, text]
    with pytest.raises(
        MissingFileError, match=r"no split 'valid' of .*\(it has train, valid.*--in"
    ):
        corpus_files([both], "valid")
    train[0].unlink()
    with pytest.raises(
        MissingFileError, match=r"no file .*0-of-00002.arrow, which .*state.json na"
    ):
        corpus_files([both], "train")


def test_as_datasets_saves_them(tmp_path):
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    texts = [f"text {i}" for i in range(10)]
    data = datasets.Dataset.from_dict({"text": texts})
    data.save_to_disk(tmp_path / "alone", num_shards=3)
    assert len(corpus_files([tmp_path / "alone"], "train")) == 3
    chosen = data.select([4, 2])
    datasets.DatasetDict({"train": data, "test": chosen}).save_to_disk(tmp_path / "both")
    (path,) = corpus_files([tmp_path / "both"], "test")
    assert [block.data for block in open_source(path).blocks()] == [b"text 4\n\ntext 2\n"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"_data_files": [1]}', '{"_data_files": 1}'])
def test_broken_state(tmp_path, content):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(
        InputError, match=r"state.json is not as datasets writes it .*: save the da"
    ):
        corpus_files([tmp_path], "train")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"], [1, 0]),
        (["train.parquet", "test.parquet", "README.md", ".cache/train.parquet"], [0]),
        (
            ["default/train/0000.parquet", "default/train/0001.parquet", "default/test/0.parquet"],
            [0, 1],
        ),
        (["c4-train.00000-of-01024.json.gz", "c4-validation.00000-of-00008.json.gz"], [0]),
        (["train_0.jsonl", "training.jsonl", "pretrain.jsonl", "dev.jsonl"], [0]),
    ],
)
def test_files_named_after_splits(tmp_path, names, found):
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert corpus_files([tmp_path], "train") == [tmp_path / names[i] for i in found]


@pytest.mark.parametrize(
    "names",
    [
        ["20231101.en/train-0.parquet", "20231101.de/train-0.parquet"],
        ["train.jsonl", "train.parquet"],
    ],
)
def test_unclear_folders(tmp_path, names):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(
        InputError, match=r"several sets of files for the split 'train', such as .*an"
    ):
        corpus_files([tmp_path], "train")


def test_nothing_there(tmp_path):
    with pytest.raises(
        MissingFileError, match=r"no split 'train' of .*\(it has no files of rows\)"
    ):
        corpus_files([tmp_path], "train")
    with pytest.raises(
        MissingFileError, match=r"no text .*nowhere: specify a file of text, JSON li"
    ):
        corpus_files([tmp_path / "nowhere"], "train")
