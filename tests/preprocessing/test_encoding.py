"""encode.py as a user runs it: the same files as fairseq-preprocess, whatever happens."""

import gzip
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from fairseq.data import data_utils

from cline_fairseq.preprocessing.reading import TextFile
from cline_fairseq.runtime.locking import alone
from helpers import TOKENIZER, gpt2_options
from programs import ROOT, run

TOOLS = ("sentencepiece", "gpt2")


@pytest.fixture(scope="module")
def commands(corpus, gpt2_corpus):
    """The start of the command by tokenizer, and the binarized files fairseq made of the text."""
    folder = gpt2_corpus[0].parent
    sentencepiece = ["--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER]
    gpt2 = ["--bpe", "gpt2", *gpt2_options(folder)]
    return {
        "sentencepiece": [*sentencepiece, "--dict", corpus / "dict.txt"],
        "gpt2": [*gpt2, "--dict", folder / "dict.txt"],
    }


def encode(command, text, dest, *options, **kwargs):
    """Run the program; ``text`` may be several files."""
    texts = text if isinstance(text, list) else [text]
    return run(
        *("scripts/encode.py", *command, "--input", *texts, "--binarize", "--dest", dest),
        *("--workers", 1, *options),
        **kwargs,
    )


def lines_of(prefix):
    dataset = data_utils.load_indexed_dataset(str(prefix), None, "mmap")
    return [dataset[i].tolist() for i in range(len(dataset))]


def documents_of(prefix):
    """Documents as tuples of lines."""
    documents, document = [], []
    for line in [*lines_of(prefix), [2]]:
        if line == [2]:
            documents += [tuple(document)] if document else []
            document = []
        else:
            document.append(tuple(line))
    return documents


def check_same(dest, other, names=("dict.txt", "train.bin", "train.idx")):
    for name in names:
        assert (dest / name).read_bytes() == (other / name).read_bytes(), name


@pytest.fixture(scope="module")
def long_text(tmp_path_factory, texts):
    """Some megabytes, with documents, which take seconds to encode."""
    path = tmp_path_factory.mktemp("long") / "long.txt"
    order = random.Random(0)
    with path.open("w", encoding="utf-8") as out:
        for _ in range(30):
            order.shuffle(texts)
            for i, text in enumerate(texts):
                out.write(text + "\n" * (2 if i % 7 == 0 else 1))
    return path


@pytest.mark.parametrize("tool", TOOLS)
def test_the_files_of_fairseq_preprocess(request, corpus, commands, texts, tmp_path, tool):
    odd = [*texts[:40], "", "犬 🙂 犬犬", "", "", "a\u00a0b\u3000c\x1fd", "x" * 3000]
    (tmp_path / "odd.txt").write_text("\n".join(odd), encoding="utf-8")  # no line end at the end
    for text in (corpus / "train.txt", tmp_path / "odd.txt"):
        symbols = tmp_path / "symbols"
        command = list(commands[tool][:-2])
        run("scripts/encode.py", *command, "--input", text, "--output", symbols, "--workers", 1)
        run(
            *("fairseq-preprocess", "--only-source", "--srcdict", commands[tool][-1]),
            *("--trainpref", symbols, "--destdir", tmp_path / "theirs"),
        )
        encode(commands[tool], text, tmp_path / "ours", "--overwrite")
        check_same(tmp_path / "ours", tmp_path / "theirs")


def test_workers_and_compression_change_nothing(corpus, commands, long_text, tmp_path):
    command = commands["sentencepiece"]
    packed = tmp_path / "long.txt.gz"
    packed.write_bytes(gzip.compress(long_text.read_bytes(), 1))
    encode(command, long_text, tmp_path / "one")
    encode(command, packed, tmp_path / "two", "--workers", 2)
    check_same(tmp_path / "one", tmp_path / "two")
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == [
        "dict.txt", "train.bin", "train.idx", "train.manifest.json",
    ]  # fmt: skip


def test_files_end_documents(commands, tmp_path):
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path, text in zip(paths, ("One.\n\nTwo.", "Three.\nFour.\n\n", "Five.\n"), strict=True):
        path.write_text(text)
    result = encode(commands["sentencepiece"], paths, tmp_path / "bin")
    sizes = [len(line) > 1 for line in lines_of(tmp_path / "bin" / "train")]
    assert sizes == [True, False, True, False, True, True, False, True]
    assert "4 documents, 8 lines" in result.stdout


def test_shards_are_the_corpus(commands, long_text, tmp_path):
    command = commands["sentencepiece"]
    encode(command, long_text, tmp_path / "whole")
    shards = []
    for i in range(3):
        encode(command, long_text, tmp_path, "--shard", f"{i}/3")
        shards.append(documents_of(tmp_path / f"shard{i}" / "train"))
        assert (tmp_path / f"shard{i}" / "dict.txt").exists()
    together = sorted(document for shard in shards for document in shard)
    assert together == sorted(documents_of(tmp_path / "whole" / "train"))
    assert min(map(len, shards)) > 0.2 * len(together)
    result = encode(command, long_text, tmp_path, "--shard", "70/71", check=False)
    assert "there is nothing to write" in result.stderr
    blocks = sum(1 for _ in TextFile(long_text).blocks())
    assert f"has only {blocks}; use at most {blocks} shards" in result.stderr
    assert f"0/{blocks} to {blocks - 1}/{blocks}" in result.stderr
    assert not (tmp_path / "shard70" / "train.bin").exists()


def test_a_rerun_makes_only_what_is_missing(corpus, commands, tmp_path):
    command, text, dest = commands["sentencepiece"], tmp_path / "text.txt", tmp_path / "bin"
    text.write_bytes((corpus / "valid.txt").read_bytes())
    first = encode(command, text, dest)
    before = (dest / "train.bin").stat().st_mtime_ns
    again = encode(command, text, dest)
    assert "train.bin is complete: nothing to do" in again.stderr
    assert again.stdout == first.stdout
    assert (dest / "train.bin").stat().st_mtime_ns == before
    os.utime(text)  # touched, not changed
    assert "nothing to do" in encode(command, text, dest).stderr

    whole = (dest / "train.bin").read_bytes()
    (dest / "train.bin").write_bytes(whole[:-2])
    assert "again: " in (result := encode(command, text, dest)).stderr
    assert "train.bin is not complete" in result.stderr
    assert (dest / "train.bin").read_bytes() == whole

    text.write_bytes((corpus / "train.txt").read_bytes())
    assert "text.txt has changed" in encode(command, text, dest).stderr
    check_same(dest, corpus / "bin")


def test_output_of_the_first_version_is_complete(corpus, commands, tmp_path):
    """Its manifests record options that no longer exist, unless these changed the output."""
    command, text, dest = commands["sentencepiece"], corpus / "valid.txt", tmp_path
    encode(command, text, dest)
    manifest = dest / "train.manifest.json"
    record = json.loads(manifest.read_text())
    record["options"] |= {"drop_duplicates": False, "min_letters": 0.0}
    manifest.write_text(json.dumps(record))
    assert "train.bin is complete: nothing to do" in encode(command, text, dest).stderr
    record["options"]["drop_duplicates"] = True
    manifest.write_text(json.dumps(record))
    result = encode(command, text, dest, check=False)
    assert "was made with other options (drop_duplicates True, now False)" in result.stderr


def test_nothing_is_lost_by_mistake(corpus, commands, tmp_path):
    dest = tmp_path / "bin"
    encode(commands["sentencepiece"], corpus / "valid.txt", dest)
    files = {path.name: path.read_bytes() for path in dest.iterdir()}

    def refused(message, *options, command=commands["sentencepiece"]):
        result = encode(command, corpus / "valid.txt", dest, *options, check=False)
        assert result.returncode == 1
        assert message in result.stderr.replace("\n", " ")
        assert "Traceback" not in result.stderr
        assert {path.name: path.read_bytes() for path in dest.iterdir()} == files

    refused("was made with other options (drop_blank False, now True)", "--drop-blank")
    refused("was made with other options (tokenizer", command=commands["gpt2"])
    refused("dict.txt is another dictionary", "--split", "valid", command=commands["gpt2"])
    refused("the dictionary does not fit", "--dict", commands["gpt2"][-1])
    refused("--max-chars must be positive", "--max-chars", -3)
    manifest = files.pop("train.manifest.json")
    (dest / "train.manifest.json").unlink()
    refused("no train.manifest.json says how it was made")
    files["train.manifest.json"] = manifest[:20]
    (dest / "train.manifest.json").write_bytes(manifest[:20])
    refused("is not a manifest of this program")
    encode(commands["gpt2"], corpus / "valid.txt", dest, "--overwrite")
    assert (dest / "dict.txt").read_bytes() != files["dict.txt"]


def test_cleaning_is_counted(commands, tmp_path):
    text = tmp_path / "text.txt"
    lines = ["A line of text.", "", "", "x " * 60, "End."]
    text.write_bytes("\n".join(lines).encode() + b"\nna\xefve\n")
    options = ("--max-chars", 100, "--drop-blank")
    result = encode(commands["sentencepiece"], text, tmp_path / "bin", *options, "--errors", "skip")
    for reason in ("blank", "too long", "undecodable"):
        assert f"left out: 1 lines ({reason})" in result.stdout
    assert "2 documents, 3 lines" in result.stdout
    manifest = json.loads((tmp_path / "bin" / "train.manifest.json").read_text())
    assert manifest["counts"]["left_out"]["too long"] == 1
    assert manifest["counts"]["repaired"] == 0


def test_repaired_lines_are_not_among_those_left_out(commands, tmp_path):
    """And both kinds of output count tokens as fairseq-preprocess does."""
    text = tmp_path / "text.txt"
    text.write_bytes(b"A line of text.\n\nna\xefve\n")
    command, options = commands["sentencepiece"], ("--errors", "replace")
    result = encode(command, text, tmp_path / "bin", *options)
    assert "repaired: 1 lines with bytes that are not UTF-8" in result.stdout
    assert "left out" not in result.stdout
    tokens = sum(map(len, lines_of(tmp_path / "bin" / "train")))
    assert f"2 documents, 3 lines, {tokens} tokens" in result.stdout
    symbols = ("--input", text, "--output", tmp_path / "symbols", "--workers", 1)
    result = run("scripts/encode.py", *command[:-2], *symbols, *options)
    assert f"2 documents, 3 lines, {tokens} tokens" in result.stdout


def test_what_is_left_of_cleaning_is_counted(commands, texts, tmp_path):
    """Documents that vanish, and a text of which nothing is left; against the files themselves."""
    text = tmp_path / "text.txt"
    # Every other document consists of a long line, and leaves two blank ones.
    documents = [part for short in texts[:30] for part in (short[:100], 101 * "x")]
    text.write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    options = ("--max-chars", 100, "--workers", 2)
    result = encode(commands["sentencepiece"], text, tmp_path / "bin", *options)
    lines = lines_of(tmp_path / "bin" / "train")
    documents = len(documents_of(tmp_path / "bin" / "train"))
    assert documents == 30
    assert "left out: 30 lines (too long)" in result.stdout
    expected = f"{documents} documents, {len(lines)} lines, {sum(map(len, lines)):,} tokens"
    assert expected in result.stdout
    options = ("--max-chars", 3)
    result = encode(commands["sentencepiece"], text, tmp_path / "no", *options, check=False)
    assert "there is nothing to write" in result.stderr
    assert "cleaning dropped all lines of the text (60 too long)" in result.stderr
    assert not (tmp_path / "no" / "train.idx").exists()


def test_borders_between_files_survive_cleaning(commands, tmp_path):
    paths = [tmp_path / name for name in ("a.txt", "b.txt")]
    for path in paths:
        path.write_text(f"One of {path.name}.\n\n\nTwo.")
    result = encode(commands["sentencepiece"], paths, tmp_path / "bin", "--drop-blank")
    assert "4 documents, 7 lines" in result.stdout
    assert len(documents_of(tmp_path / "bin" / "train")) == 4


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_without_blank_lines_takes_no_more_memory(commands, texts, tmp_path, end):
    """Such a text is cut into blocks at lines; so are lines that end as on Windows."""
    text = tmp_path / "text.txt"
    text.write_text(end.join(texts * 40), encoding="utf-8", newline="")
    assert max(len(block.data) for block in TextFile(text).blocks()) <= 2 << 20
    encode(commands["sentencepiece"], text, tmp_path / "bin", "--workers", 2)
    assert len(lines_of(tmp_path / "bin" / "train")) == 40 * len(texts)


def test_a_failure_leaves_the_dictionary_alone(corpus, commands, tmp_path):
    dest, bad = tmp_path / "bin", tmp_path / "bad.txt"
    encode(commands["sentencepiece"], corpus / "valid.txt", dest)
    before = (dest / "dict.txt").read_bytes()
    bad.write_bytes(b"A line.\nna\xefve\n")
    result = encode(commands["gpt2"], bad, dest, "--overwrite", check=False)
    assert "line 2: byte 3 is not UTF-8" in result.stderr
    assert (
        "dict.txt is replaced: files in its folder that were made with the old one do not fit"
        in result.stderr
    )
    assert (dest / "dict.txt").read_bytes() == before
    assert (dest / "train.idx").exists()


def test_an_input_that_changes_while_it_is_read(corpus, tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes((corpus / "valid.txt").read_bytes())
    file = TextFile(text)
    with text.open("a") as more:
        more.write("One line more.\n")
    assert file.stat.st_size < text.stat().st_size  # what the manifest will say


def test_a_place_that_cannot_be_written_to(corpus, commands, tmp_path):
    (tmp_path / "file").write_text("")
    dest = tmp_path / "file" / "bin"
    result = encode(commands["sentencepiece"], corpus / "valid.txt", dest, check=False)
    assert result.returncode == 1
    assert "cannot create" in result.stderr
    assert "Traceback" not in result.stderr


def test_empty_text(commands, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    result = encode(
        commands["sentencepiece"], tmp_path / "empty.txt", tmp_path / "bin", check=False
    )
    assert "the text is empty or has only blank lines; use another --input" in result.stderr
    assert not list((tmp_path / "bin").glob("train.[bi]*"))


def test_a_full_disk(commands, long_text, tmp_path):
    """A limit on the size of files stands for the disk."""
    command = [sys.executable, "scripts/encode.py", *commands["gpt2"], "--workers", "1"]
    command += ["--input", long_text, "--binarize", "--dest", tmp_path / "bin"]
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19)),
    )
    assert result.returncode == 1
    assert "train.bin (File too large): free some space and run the command again" in result.stderr
    left = sorted(path.name for path in (tmp_path / "bin").iterdir())
    assert left == ["train.manifest.json"]
    encode(commands["gpt2"], long_text, tmp_path / "bin")
    assert len(lines_of(tmp_path / "bin" / "train")) > 10_000


def states_of_session(session):
    """The states of the processes that a program has left, as ps shows them."""
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-s", str(session)], capture_output=True, text=True
    )
    return {line[0] for line in listed.stdout.split()}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment(commands, long_text, tmp_path, workers):
    """What has its name is complete, and the same command completes the rest."""
    command = commands["gpt2"]
    encode(command, long_text, tmp_path / "whole")
    moments = np.random.default_rng(workers).uniform(0.1, 3.5, 4)
    dest = tmp_path / "bin"
    arguments = [sys.executable, "scripts/encode.py", *command, "--workers", workers]
    arguments += ["--input", long_text, "--binarize", "--dest", dest]
    for moment in moments:
        process = subprocess.Popen(
            [str(part) for part in arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)  # to the program alone: workers must end by themselves
        process.wait()
        if (dest / "train.idx").exists():
            check_same(dest, tmp_path / "whole")
        deadline = time.monotonic() + 30
        while alive := states_of_session(process.pid) - {"Z"}:
            assert time.monotonic() < deadline, alive
            time.sleep(0.1)
    encode(command, long_text, dest)
    check_same(dest, tmp_path / "whole")
    assert not list(dest.glob("*.part*"))


@pytest.mark.parametrize("split", ["../x", "..", ""])
def test_splits_are_plain_names(commands, long_text, tmp_path, split):
    dest = tmp_path / "bin"
    options = ("--input", long_text, "--binarize", "--dest", dest, "--split", split)
    result = run("scripts/encode.py", *commands["gpt2"], *options, check=False)
    assert result.returncode == 2
    assert f"--split must be a plain name, such as train, not {split!r}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_the_second_at_a_destination_is_refused(commands, long_text, tmp_path):
    """It says who is writing, and the first one's output is whole."""
    dest = tmp_path / "bin"
    dest.mkdir()
    with alone(dest / "train"):
        arguments = ("--workers", 1, "--input", long_text, "--binarize", "--dest", dest)
        second = run("scripts/encode.py", *commands["gpt2"], *arguments, check=False)
    assert second.returncode == 1
    assert f"train is being written by process {os.getpid()} on" in second.stderr
    assert not list(dest.iterdir())
