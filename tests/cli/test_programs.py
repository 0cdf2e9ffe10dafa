"""The programs, run the way a user runs them."""

import gzip
import json
import math
import re

import pytest

from cline_fairseq.cli.main import COMMANDS
from helpers import TOKENIZER
from programs import ROOT, run

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
INSTALLED = [name for commands in COMMANDS.values() for name in commands]


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_of_scripts_has_an_example(name):
    text = run(f"scripts/{name}", "--help").stdout
    command = name.removesuffix(".py").replace("_", "-")
    command = command.replace("train-sentencepiece", "train-tokenizer")
    program = f"cline-fairseq {command} " if command in INSTALLED else f"python scripts/{name}"
    assert program in text


@pytest.mark.parametrize("name", INSTALLED)
def test_help_of_commands_has_an_example(name):
    text = run("python", "-m", "cline_fairseq.cli", name, "--help").stdout
    assert text.startswith(f"usage: cline-fairseq {name} ")
    assert re.search(rf"^.*cline-fairseq {name}\b", text.split("\n", 1)[1], re.M)


def test_every_program_is_listed():
    folder = ROOT / "cline_fairseq" / "cli"
    modules = {path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text()}
    modules.remove("main")
    assert modules == {name.replace("-", "_") for name in INSTALLED}
    text = run("python", "-m", "cline_fairseq.cli").stdout
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ")] == INSTALLED


def test_commands_that_do_not_exist():
    result = run("python", "-m", "cline_fairseq.cli", "glue_finetune.py", check=False)
    assert result.returncode == 2
    assert "did you mean glue-finetune?" in result.stderr
    assert run("python", "-m", "cline_fairseq.cli", "--version").stdout.startswith("cline-fairseq ")


def test_user_dir():
    folder = run("python", "-m", "cline_fairseq.cli", "user-dir").stdout.rstrip("\n")
    assert folder == str(ROOT / "cline_fairseq")


def test_dictionary_holds_every_piece(corpus):
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(corpus / TOKENIZER))
    pieces = {model.id_to_piece(i) for i in range(3, model.get_piece_size())}
    lines = (corpus / "dict.txt").read_text(encoding="utf-8").splitlines()
    assert {line.rsplit(" ", 1)[0] for line in lines} == pieces
    assert len(lines) == len(pieces)


def test_vocabulary_is_the_same_again(corpus, tmp_path):
    run(
        *("scripts/train_sentencepiece.py", "--input", corpus / "train.txt", "--dest", tmp_path),
        *("--vocab-size", 3000),
    )
    assert (tmp_path / "dict.txt").read_bytes() == (corpus / "dict.txt").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dict.txt", TOKENIZER]


def test_vocabulary_of_a_small_text(corpus, tmp_path):
    result = run(
        *("scripts/train_sentencepiece.py", "--input", corpus / "valid.txt", "--dest", tmp_path),
        *("--vocab-size", 100_000),
    )
    assert "the text does not have enough words for 100,000" in result.stderr
    assert (tmp_path / "dict.txt").exists()


def test_encoding_keeps_lines(corpus, tmp_path):
    """Any number of workers writes the same, blank lines stay blank."""
    encode = ("scripts/encode.py", "--bpe", "sentencepiece", "--input", corpus / "train.txt")
    options = ("--sentencepiece-model", corpus / TOKENIZER, "--workers", 2)
    run(*encode, *options, "--output", tmp_path / "out.sp")
    assert (tmp_path / "out.sp").read_bytes() == (corpus / "train.sp").read_bytes()
    text = (corpus / "train.txt").read_text(encoding="utf-8").split("\n")
    encoded = (tmp_path / "out.sp").read_text(encoding="utf-8").split("\n")
    assert [bool(line) for line in text] == [bool(line) for line in encoded]
    joined = encoded[0].replace(" ", "").replace("▁", " ").strip()
    assert joined == text[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "missing.txt"], "error: no text missing.txt: specify a file of text"),
        (["--input", "latin1.txt"], "latin1.txt, line 1: byte 8 is not UTF-8"),
        (["--sentencepiece-model", "missing.model"], "missing.model"),
        (["--bpe", "gpt2"], "error: --bpe gpt2 needs --gpt2-encoder-json FILE"),
    ],
)
def test_bad_input_of_encode(corpus, tmp_path, options, message):
    (tmp_path / "latin1.txt").write_bytes("Ein schöner Text.\n".encode("latin-1"))
    options = [str(tmp_path / o) if o == "latin1.txt" else o for o in options]
    output = tmp_path / "out.sp"
    result = run(
        *("scripts/encode.py", "--bpe", "sentencepiece", "--workers", 1),
        *("--input", corpus / "valid.txt", "--output", output),
        *("--sentencepiece-model", corpus / TOKENIZER, *options),
        check=False,
    )
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not output.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "missing.txt"], "error: no text missing.txt"),
        (["--vocab-size", "10"], "error: SentencePiece cannot make 10 pieces of this text"),
    ],
)
def test_bad_input_of_train_sentencepiece(corpus, tmp_path, options, message):
    result = run(
        *("scripts/train_sentencepiece.py", "--input", corpus / "valid.txt"),
        *("--dest", tmp_path, *options),
        check=False,
    )
    assert result.returncode == 1
    assert message in result.stderr
    assert not (tmp_path / "dict.txt").exists()


def test_vocabulary_of_compressed_files(corpus, tmp_path):
    text = (corpus / "train.txt").read_bytes()
    half = text.index(b"\n", len(text) // 2) + 1
    (tmp_path / "a.txt").write_bytes(text[:half])
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text[half:]))
    run(
        *("scripts/train_sentencepiece.py", "--dest", tmp_path / "vocabulary"),
        *("--input", tmp_path / "a.txt", tmp_path / "b.txt.gz", "--vocab-size", 3000),
    )
    dictionary = (tmp_path / "vocabulary" / "dict.txt").read_bytes()
    assert dictionary == (corpus / "dict.txt").read_bytes()
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(text)[:1000])
    result = run(
        *("scripts/train_sentencepiece.py", "--dest", tmp_path / "other"),
        *("--input", tmp_path / "b.txt.gz", "--vocab-size", 3000),
        check=False,
    )
    assert "b.txt.gz is damaged or cut off" in result.stderr
    assert not list((tmp_path / "other").iterdir())


def test_inspect_data(corpus, tmp_path):
    """Counts of plain loops over the text, its histogram, and samples that are in it."""
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(corpus / TOKENIZER))
    text = (corpus / "valid.txt").read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line]
    lengths = sorted(len(model.encode(line)) for line in lines)
    inspect = ("scripts/inspect_data.py", corpus / "bin", "--split", "valid")
    plot = ("--json", "--plot", tmp_path / "lengths.png")
    result = run(*inspect, *plot, PYTHONUNBUFFERED="1")  # not forked: with its own imports
    assert "DEBUG" not in result.stderr
    counts = json.loads(result.stdout)
    assert (tmp_path / "lengths.png").read_bytes().startswith(b"\x89PNG")
    assert counts["documents"] == sum(1 for part in text.split("\n\n") if part.strip())
    assert counts["lines"] == len(lines)
    assert counts["tokens"] == sum(lengths)
    for percent in (5, 50, 95):
        # The least length that so many have at most.
        length = lengths[math.ceil(percent / 100 * len(lengths)) - 1]
        assert counts[f"length, {percent} % are at most"] == length
    assert counts["length, greatest"] == lengths[-1]
    unknown = sum(id_ == model.unk_id() for line in lines for id_ in model.encode(line))
    assert counts["unknown tokens, %"] == pytest.approx(100 * unknown / sum(lengths))

    shown = run(*inspect, "--samples", 2).stdout  # the tokenizer is found beside the data
    assert f"| tokens | {sum(lengths):,} |" in shown
    originals = re.findall(r"^original  (.*)$", shown, re.MULTILINE)
    assert len(originals) == 2
    assert set(originals) <= set(lines)
    for name in ("synonym", "antonym"):
        views = re.findall(rf"^{name}   (.*)$", shown, re.MULTILINE)
        for original, view in zip(originals, views, strict=True):
            assert "[" in view
            kept = re.sub(r"\[[^\]]*\]", " ", view).split()
            assert len(set(kept) - set(original.split())) <= 0.2 * len(kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["/nowhere"], "error: no dictionary /nowhere/dict.txt: pass the folder"),
        (["DATA", "--split", "test"], "error: no binarized text"),
        (["DATA", "--samples", -1], "error: --samples must not be negative"),
        (["DATA", "--bpe", "gpt2"], "error: --bpe gpt2 needs --gpt2-encoder-json FILE"),
    ],
)
def test_bad_input_of_inspect_data(corpus, options, message):
    options = [corpus / "bin" if option == "DATA" else option for option in options]
    result = run("scripts/inspect_data.py", *options, check=False)
    assert result.returncode == 1
    assert message in result.stderr


def test_plot_training(tmp_path):
    values = {"num_updates": "10", "mlm_loss": "9.5", "rtd_f1": "0.5", "synonym_share": "0.3"}
    valid = {f"valid_{key}": value for key, value in values.items()}
    log = tmp_path / "train.log"
    log.write_text(
        f"2026 | INFO | train_inner | {json.dumps(values)}\n"
        f"[2026][train_inner][INFO] - {json.dumps({**values, 'num_updates': '20'})}\n"
        f"2026 | INFO | valid | {json.dumps(valid)}\nanything else\n"
    )
    run("scripts/plot_training.py", log, "--output", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    log.write_text("nothing\n")
    result = run("scripts/plot_training.py", log, "--output", tmp_path / "no.png", check=False)
    assert "contains no updates: train with --log-format json" in result.stderr
    assert not (tmp_path / "no.png").exists()


def test_build_lexicon_says_what_is_missing(tmp_path):
    pytest.importorskip("nltk")
    tagged = tmp_path / "a.tagged"
    tagged.write_text("The/DT dog/NN\n")
    result = run(
        *("scripts/build_lexicon.py", "--tagged", tagged, "--weights", "wordnet"),
        *("--output", tmp_path / "lexicon.npz"),
        check=False,
        NLTK_DATA=str(tmp_path),
        HOME=str(tmp_path),
    )
    assert result.returncode == 1
    assert "NLTK finds no WordNet" in result.stderr


def test_report_of_the_lexicon():
    text = run("scripts/build_lexicon.py", "--report").stdout
    assert "| NNS |" in text
    assert "| VBD |" in text


@pytest.mark.slow
def test_quickstart(tmp_path):
    result = run(
        *("scripts/quickstart.py", "--dest", tmp_path / "out", "--updates", 10),
        *("--vocab-size", 3000, "--precision", "bf16"),
    )
    log = (tmp_path / "out" / "train.log").read_text(encoding="utf-8")
    assert "fused_adamw: torch AdamW, fused" in log
    assert "'bf16': True" in log
    for part in ("original ", "synonym ", "antonym ", "RTD, F1 of replaced tokens", "Next:"):
        assert part in result.stdout
    assert re.search(r"\(text, antonym\)\n-?\d\.\d{3}, -?\d\.\d{3}\n", result.stdout)
    longer = f"--updates 100 --dest {tmp_path / 'out'}-longer --vocab-size 3000 --precision bf16"
    assert f"cline-fairseq quickstart {longer}\n" in result.stdout
    assert (tmp_path / "out" / "curves.png").stat().st_size > 10_000
    checkpoint = tmp_path / "out" / "checkpoints" / "checkpoint_last.pt"
    written = checkpoint.stat().st_mtime
    other = run("scripts/quickstart.py", "--dest", tmp_path / "out", check=False)
    assert other.returncode == 1
    assert "holds checkpoints of another run" in other.stderr
    assert checkpoint.stat().st_mtime == written


def test_quickstart_needs_a_few_updates(tmp_path):
    result = run("scripts/quickstart.py", "--dest", tmp_path, "--updates", 3, check=False)
    assert result.returncode == 2
    assert "--updates must be at least 10, not 3" in result.stderr


def test_quickstart_refuses_a_tiny_corpus(tmp_path):
    corpus = tmp_path / "text.txt"
    corpus.write_text("One line of text.\n")
    result = run(
        *("scripts/quickstart.py", "--dest", tmp_path / "out", "--corpus", corpus), check=False
    )
    assert result.returncode == 1
    assert "error: the corpus has 1 paragraphs, and needs 200" in result.stderr


def test_brown_to_penn(tmp_path):
    brown = (
        "\n\tThe/at Grand/jj-tl Jury/nn-tl said/vbd Friday/nr it/pps was/bedz more/ap ,/, not/*\n\n"
        "\tdoesn't/doz* fw/fw-nn very/ql best/jjt\n"
    )
    (tmp_path / "ca01").write_text(brown)
    output = tmp_path / "brown.tagged"
    run("scripts/brown_to_penn.py", "--input", tmp_path / "ca01", "--output", output)
    assert output.read_text() == (
        "The/O Grand/NNP Jury/NNP said/VBD Friday/NNP it/O was/VBD more/JJR ,/O not/RB\n"
        "doesn't/VBZ fw/O very/RB best/JJS\n"
    )


REWRITE = ("scripts/rewrite.py", "--format", "json")


def test_rewrite_writes_the_same_for_any_workers_and_shards(corpus, tmp_path):
    text = corpus / "train.txt"
    run(*REWRITE, "--input", text, "--output", tmp_path / "one.jsonl", "--epoch", 2)
    run(
        *(*REWRITE, "--input", text, "--output", tmp_path / "two.jsonl", "--epoch", 2),
        *("--workers", 2),
        PYTHONHASHSEED="7",
    )
    one = (tmp_path / "one.jsonl").read_text(encoding="utf-8")
    assert one == (tmp_path / "two.jsonl").read_text(encoding="utf-8")
    records = [json.loads(line) for line in one.splitlines()]
    assert [r["index"] for r in records] == list(range(len(records)))
    sharded = []
    for shard in ("0/2", "1/2"):
        run(
            *(*REWRITE, "--input", text, "--output", tmp_path / "s.jsonl", "--epoch", 2),
            *("--shard", shard),
        )
        lines = (tmp_path / "s.jsonl").read_text(encoding="utf-8").splitlines()
        sharded += [json.loads(line) for line in lines]
    assert sorted(sharded, key=lambda r: r["index"]) == records
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "one.jsonl", "s.jsonl", "two.jsonl",
    ]  # fmt: skip


def test_rewrite_shows_views(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The mice ran quickly over the better fences.\n\nof the\n")
    text = run("scripts/rewrite.py", "--input", path, "--format", "text").stdout
    blocks = text.strip("\n").split("\n\n")
    assert blocks[0].splitlines()[0] == "original  The mice ran quickly over the better fences ."
    assert "[" in blocks[0].splitlines()[1]
    assert blocks[-1].splitlines()[1] == "synonym   of the"
    record = json.loads(run(*REWRITE, "--input", path).stdout.splitlines()[0])
    for view in ("synonym", "antonym"):
        for i, word in enumerate(record["original"]):
            assert (record[view][i] != word) == (str(i) in record[f"{view}_replaced"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "missing.txt"], "error: no text missing.txt"),
        (["--synonym-ratio", "2"], "error: the synonym ratio must be from 0 to 1, not 2.0"),
        (["--antonym-kinds", "hypernym=1"], "error: 'hypernym=1' is not a kind and its weight"),
        (["--shard", "3/2"], "shards numbered from 0 to N - 1 (for example 0/4), not '3/2'"),
        (["--tagger", "spacy", "--spacy-model", "xx"], "spaCy or its model xx is missing"),
    ],
)
def test_bad_input_of_rewrite(tmp_path, options, message):
    output = tmp_path / "out.jsonl"
    result = run("scripts/rewrite.py", "--output", output, *options, check=False)
    assert result.returncode != 0
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_analyze_rewriting(corpus):
    text = run("scripts/analyze_rewriting.py", "--text", corpus / "valid.txt").stdout
    shares = {}
    for line in text.splitlines():
        name, *values = [cell.strip() for cell in line.strip("|").split("|")]
        shares[name] = values
    known = float(shares["known to the lexicon"][0])
    assert 0.2 < float(shares["with any of the synonym view"][0]) <= known < 0.6
    replaced = [float(v) for v in shares["antonym view, together"]]
    assert replaced == pytest.approx([0.2, 0.2], abs=0.03)


def test_benchmark_rewrite(corpus):
    result = run(
        *("scripts/benchmark.py", "rewrite", "--text", corpus / "valid.txt", "--json"),
        *("--dict", corpus / "dict.txt", "--bpe", "sentencepiece", "--repeats", 1),
        *("--sentencepiece-model", corpus / TOKENIZER, "--block", 128),
    )
    figures = json.loads(result.stdout)
    assert len(figures) == 5
    assert min(figures.values()) > 0


def test_benchmark_loader(corpus):
    result = run(
        *("scripts/benchmark.py", "loader", "--data", corpus / "bin", "--split", "valid", "--json"),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
        *("--workers", 2, "--block", 32, "--max-tokens", 128, "--gpu-tokens", 1000),
    )
    figures = json.loads(result.stdout)
    speed = figures["2 workers: source tokens/s of a core"]
    cores = figures["2 workers: cores for a GPU of 1,000 source tokens/s"]
    assert cores == pytest.approx(1000 / speed)
    assert figures["2 workers: MB that a worker shares"] > 0
    assert figures["2 workers: MB that a worker has alone"] > 0


def test_benchmark_loader_needs_batches(corpus):
    result = run(
        *("scripts/benchmark.py", "loader", "--data", corpus / "bin", "--split", "valid"),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER, "--batches", 1),
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("error: 1 batches are too few to measure")


def test_benchmark_dataset():
    """With a line in each block, each byte for a line is one MB here."""
    result = run("scripts/benchmark.py", "dataset", "--lines", 1 << 20, "--block", 64, "--json")
    figures = json.loads(result.stdout)
    assert len(figures) == 8
    for mode in ("none", "complete", "complete_doc", "eos"):
        assert figures[f"{mode}: fairseq, MB"] > 1
        assert figures[f"{mode}: ours above fairseq, MB"] < 4
