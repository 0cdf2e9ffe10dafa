"""Bad input of the task: one sentence that names the thing and says what to do."""

import pytest

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
        ({"data": "/nowhere"}, "no folder /nowhere: give the one that fairseq-preprocess wrote"),
        ({"data": "/tmp"}, "no dictionary /tmp/dict.txt: give the folder"),
    ],
)
def test_bad_options(corpus, options, message):
    with pytest.raises(InputError, match=message):
        make_task(corpus, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subwords": None}, "one of sentencepiece, gpt2, not None: give the options"),
        ({"subwords": {"_name": "bert"}}, "one of sentencepiece, gpt2, not 'bert'"),
        ({"lexicon": "xx"}, "no lexicon 'xx'"),
        ({"antonym_kinds": "synonym=1"}, "'synonym=1' is no kind with its weight"),
        ({"tagger": "missing.npz"}, "no tagger 'missing.npz'"),
    ],
)
def test_bad_resources(corpus, options, message):
    with pytest.raises(InputError, match=message):
        make_task(corpus, **options).load_dataset("valid")


def test_missing_tokenizer_file(corpus):
    options = {**sentencepiece_options(corpus), "sentencepiece_model": "/nowhere.model"}
    with pytest.raises(InputError, match=r"--bpe sentencepiece cannot be loaded.*/nowhere.model"):
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


def test_command_line_shows_one_sentence(corpus, tmp_path):
    result = run(*train_command(corpus, tmp_path, "--synonym-ratio", 3), check=False)
    assert result.returncode == 1
    assert result.stderr.strip().endswith("error: --synonym-ratio must be from 0 to 1, not 3.0")
    assert "Traceback" not in result.stderr
