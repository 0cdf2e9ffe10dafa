"""Small shards, in formats older than fairseq's default, from training to fairseq-validate."""

import json
import re
import shutil

import pytest
from fairseq.data import data_utils, indexed_dataset

from helpers import TOKENIZER, train_command
from programs import run


def logged(result, kind):
    """What fairseq logged of each update (``train_inner``), or of a validation (``valid``)."""
    text = result.stdout + result.stderr
    return [json.loads(line) for line in re.findall(rf"\| {kind} \| (\{{.*\}})", text)]


@pytest.mark.slow
def test_small_shards_of_older_formats_are_used_whole(corpus, tmp_path):
    """25 and 5 lines, of which fairseq would use 24 and none."""
    lines = data_utils.load_indexed_dataset(str(corpus / "bin" / "train"))
    texts = [lines[i] for i in range(len(lines)) if 2 < len(lines[i]) < 50]
    for split, count, impl in (
        ("shard0/train", 25, "cached"),
        ("shard0/valid", 25, "lazy"),
        ("shard1/train", 5, "lazy"),
    ):
        path = tmp_path / split
        path.parent.mkdir(exist_ok=True)
        shutil.copy(corpus / "bin" / "dict.txt", path.parent)
        builder = indexed_dataset.make_builder(f"{path}.bin", impl)
        for text in texts[:count]:
            builder.add_item(text)
        builder.finalize(f"{path}.idx")
    options = ("--sample-break-mode", "eos", "--max-epoch", 2, "--num-workers", 1)
    command = train_command(corpus, tmp_path / "save", *options)
    command[1] = f"{tmp_path / 'shard0'}:{tmp_path / 'shard1'}"
    updates = logged(run(*command), "train_inner")
    used = [(update["epoch"], int(update["bsz"])) for update in updates]
    assert sorted(used) == [(1, 1), (1, 8), (1, 8), (1, 8), (2, 5)]
    result = run(
        *("fairseq-validate", tmp_path / "shard0", "--user-dir", "cline_fairseq", "--cpu"),
        *("--path", tmp_path / "save" / "checkpoint_last.pt", "--task", "cline"),
        *("--batch-size", 10, "--log-format", "json", "--bpe", "sentencepiece"),
        *("--sentencepiece-model", corpus / TOKENIZER, "--sample-break-mode", "eos"),
    )
    # The mean of 8, 8, 8 and 1, which is 25 texts; without the last batch it would be 8.
    assert logged(result, "valid")[-1]["valid_bsz"] == "6.2"
