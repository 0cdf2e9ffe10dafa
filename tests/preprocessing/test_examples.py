"""The ways to prepare a corpus on a cluster, run here."""

import os
import subprocess

import pytest

from cline_fairseq.runtime.locking import alone
from helpers import TOKENIZER, gpt2_options
from programs import BIN, ROOT, run


def encode(tool, text, dest, shard):
    run(
        *("scripts/encode.py", *tool, "--input", text, "--binarize", "--dest", dest),
        *("--shard", shard, "--workers", 1),
    )


def check_same(left, right):
    for name in ("dict.txt", "train.bin", "train.idx"):
        assert (left / name).read_bytes() == (right / name).read_bytes()


def test_slurm_array(corpus, gpt2_corpus, tmp_path):
    """The script as Slurm runs it, in the place of one job of the array."""
    folder = gpt2_corpus[0].parent
    environment = {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "ENCODER_JSON": str(folder / "encoder.json"),
        "VOCAB_BPE": str(folder / "vocab.bpe"),
        "DICT": str(folder / "dict.txt"),
        "DEST": str(tmp_path / "array"),
        "SLURM_ARRAY_TASK_ID": "0",
        "SHARDS": "2",
        "SLURM_CPUS_PER_TASK": "1",
    }
    text = corpus / "train.txt"
    subprocess.run(
        ["bash", "examples/pretraining/encode_array.sbatch", text],
        cwd=ROOT,
        env=environment,
        check=True,
    )
    tool = ["--bpe", "gpt2", *gpt2_options(folder), "--dict", folder / "dict.txt"]
    encode(tool, text, tmp_path / "alone", "0/2")
    check_same(tmp_path / "array" / "shard0", tmp_path / "alone" / "shard0")


def test_datatrove(corpus, tmp_path):
    pytest.importorskip("datatrove", reason="datatrove is not installed")
    tool = ["--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER]
    tool += ["--dict", corpus / "dict.txt"]
    # More than one block, each of many documents.
    text = tmp_path / "text.txt"
    documents = (corpus / "train.txt").read_text(encoding="utf-8").strip("\n") + "\n\n"
    text.write_text(4 * documents, encoding="utf-8")
    command = [
        *("examples/pretraining/prepare_with_datatrove.py", *tool, "--input", text),
        *("--dest", tmp_path / "datatrove", "--logs", tmp_path / "logs", "--tasks", 2),
    ]
    run(*command)
    for i in range(2):
        encode(tool, text, tmp_path / "alone", f"{i}/2")
        check_same(tmp_path / "datatrove" / f"shard{i}", tmp_path / "alone" / f"shard{i}")
    # The lines of Windows, spaces in blank lines, and signs that Python takes for ends of lines.
    text.write_text("One.\r\n\r\nTwo.\n\nThree\x0c and\u2028so on.\n\n", newline="")
    odd = [*command[:-6], "--dest", tmp_path / "odd", "--logs", tmp_path / "odd-logs"]
    run(*odd)
    encode(tool, text, tmp_path / "alone-odd", "0/1")
    check_same(tmp_path / "odd" / "shard0", tmp_path / "alone-odd" / "shard0")
    few = ("--dest", tmp_path / "few", "--logs", tmp_path / "few-logs", "--tasks", 2)
    result = run(*odd, *few, check=False)
    assert "would be empty: pass fewer --tasks" in result.stdout + result.stderr
    assert not list((tmp_path / "few" / "shard1").glob("train.*"))
    with alone(tmp_path / "odd" / "shard0" / "train"):
        result = run(*odd, "--logs", tmp_path / "busy-logs", check=False)
    assert "is being written by process" in result.stdout + result.stderr
    text.write_text(4 * documents, encoding="utf-8")
    # A task that is not completed is run again, and the other one is not.
    (tmp_path / "logs" / "completions" / "00001").unlink()
    index = tmp_path / "datatrove" / "shard0" / "train.idx"
    before = index.stat().st_mtime_ns
    (tmp_path / "datatrove" / "shard1" / "train.idx").unlink()
    run(*command)
    assert index.stat().st_mtime_ns == before
    check_same(tmp_path / "datatrove" / "shard1", tmp_path / "alone" / "shard1")
