"""Bad input of the task: one sentence that names the thing and says what to do."""

import logging
import shutil

import pytest
import torch
from fairseq.data.indexed_dataset import make_builder

from cline_fairseq.errors import InputError, MissingFileError
from helpers import make_task, sentencepiece_options, train_command
from programs import run


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"synonym_ratio": 1.5}, "--synonym-ratio must be from 0 to 1, not 1.5"),
        ({"antonym_ratio": -1}, "--antonym-ratio must be from 0 to 1, not -1"),
        ({"mask_prob": 2}, "--mask-prob must be from 0 to 1, not 2"),
        ({"leave_unmasked_prob": 0.6, "random_token_prob": 0.6}, "add up to more than 1"),
        ({"tokens_per_sample": 3}, "--tokens-per-sample must be at least 8, not 3"),
        ({"data": "/nowhere"}, "no folder /nowhere: specify the one that fairseq-preprocess wrote"),
        ({"data": "/tmp"}, "no dictionary /tmp/dict.txt: specify the folder"),
    ],
)
def test_bad_options(corpus, options, message):
    with pytest.raises(InputError, match=message):
        make_task(corpus, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subwords": None}, "one of sentencepiece, gpt2, bert, not None: specify the options"),
        ({"subwords": {"_name": "bytes"}}, "one of sentencepiece, gpt2, bert, not 'bytes'"),
        ({"subwords": {"_name": "bert", "bpe_vocab_file": None}}, "needs --bpe-vocab-file FILE"),
        ({"lexicon": "xx"}, "no lexicon 'xx'"),
        ({"antonym_kinds": "synonym=1"}, "'synonym=1' is not a kind and its weight"),
        ({"tagger": "missing.npz"}, "no tagger 'missing.npz'"),
    ],
)
def test_bad_resources(corpus, options, message):
    with pytest.raises(InputError, match=message):
        make_task(corpus, **options).load_dataset("valid")


def test_missing_tokenizer_file(corpus):
    options = {**sentencepiece_options(corpus), "sentencepiece_model": "/nowhere.model"}
    with pytest.raises(InputError, match=r"/nowhere.model is not a SentencePiece model"):
        make_task(corpus, subwords=options).load_dataset("valid")


def test_sampling_tokenizer(corpus):
    options = {**sentencepiece_options(corpus), "sentencepiece_enable_sampling": True}
    with pytest.raises(InputError, match="--sentencepiece-enable-sampling"):
        make_task(corpus, subwords=options).load_dataset("valid")


def test_missing_split(corpus):
    with pytest.raises(MissingFileError, match=r"no binarized text .*bin/test.bin"):
        make_task(corpus).load_dataset("test")


def test_truncated_data(corpus, tmp_path):
    for name in ("dict.txt", "valid.bin", "valid.idx"):
        (tmp_path / name).write_bytes((corpus / "bin" / name).read_bytes())
    (tmp_path / "valid.idx").write_bytes((corpus / "bin" / "valid.idx").read_bytes()[:40])
    with pytest.raises(InputError, match=r"valid.bin and .idx cannot be read"):
        make_task(corpus, data=str(tmp_path)).load_dataset("valid")
    (tmp_path / "valid.idx").write_bytes((corpus / "bin" / "valid.idx").read_bytes())
    (tmp_path / "valid.bin").write_bytes((corpus / "bin" / "valid.bin").read_bytes()[:100])
    with pytest.raises(InputError, match=r"valid.bin is cut off"):
        make_task(corpus, data=str(tmp_path)).load_dataset("valid")


def test_dictionary_of_another_size(corpus, tmp_path):
    for name in ("valid.bin", "valid.idx"):
        (tmp_path / name).write_bytes((corpus / "bin" / name).read_bytes())
    types = (corpus / "bin" / "dict.txt").read_text().splitlines(keepends=True)
    (tmp_path / "dict.txt").write_text("".join(types[:-200]))
    with pytest.raises(
        InputError, match=r"holds the token \d+, but its dictionary has [\d,]+ types"
    ):
        make_task(corpus, data=str(tmp_path)).load_dataset("valid")


def test_dictionary_of_another_tokenizer(corpus, tmp_path):
    for name in ("valid.bin", "valid.idx"):
        (tmp_path / name).write_bytes((corpus / "bin" / name).read_bytes())
    (tmp_path / "dict.txt").write_text("".join(f"{i} 1\n" for i in range(4000)))
    with pytest.raises(InputError, match=r"does not fit the tokenizer: 3,\d+ of the 3,\d+ symbols"):
        make_task(corpus, data=str(tmp_path)).load_dataset("valid")


@pytest.fixture
def shards(corpus, tmp_path):
    """Two shards of the corpus; the first is whole."""
    for shard in ("shard0", "shard1"):
        shutil.copytree(corpus / "bin", tmp_path / shard)
    return tmp_path


def sharded_task(corpus, shards):
    data = f"{shards / 'shard0'}:{shards / 'shard1'}"
    return make_task(corpus, data=data, train_subset="train")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (None, r"no binarized text .*shard1/train.bin"),
        ([], r"shard1/train.bin holds no text"),
        ([[2], [2]], r"shard1/train.bin holds no text"),
    ],
    ids=["missing", "empty", "blank"],
)
def test_bad_shard_is_told_before_its_epoch(corpus, shards, lines, message):
    for end in ("bin", "idx"):
        (shards / "shard1" / f"train.{end}").unlink()
    if lines is not None:
        builder = make_builder(str(shards / "shard1" / "train.bin"), "mmap", vocab_size=3000)
        for line in lines:
            builder.add_item(torch.tensor(line))
        builder.finalize(str(shards / "shard1" / "train.idx"))
    with pytest.raises(InputError, match=message):
        sharded_task(corpus, shards).load_dataset("train", epoch=1, combine=True)


def test_shard_that_is_cut_off_is_told_before_its_epoch(corpus, shards):
    path = shards / "shard1" / "train.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"shard1/train.bin is cut off"):
        sharded_task(corpus, shards).load_dataset("train", epoch=1, combine=True)


def test_validation_on_the_first_shard_is_told(corpus, shards, caplog):
    task = sharded_task(corpus, shards)
    with caplog.at_level(logging.WARNING):
        task.load_dataset("valid")
    assert f"not the same split of other folders: {shards / 'shard1' / 'valid'}" in caplog.text
    caplog.clear()
    (shards / "shard1" / "valid.idx").unlink()
    with caplog.at_level(logging.WARNING):
        task.load_dataset("valid")
    assert not caplog.messages


def test_lines_that_are_longer_than_a_block_are_told(corpus, caplog):
    with caplog.at_level(logging.INFO):
        make_task(corpus, tokens_per_sample=32).load_dataset("valid")
    assert "lines are longer than a block of 28 tokens and were split; all of" in caplog.text


def test_command_line_shows_one_sentence(corpus, tmp_path):
    result = run(*train_command(corpus, tmp_path, "--synonym-ratio", 3), check=False)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("error: --synonym-ratio must be from 0 to 1, not 3.0")
    assert "Traceback" not in result.stderr
