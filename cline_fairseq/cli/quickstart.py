"""Pre-train a small CLINE on this machine, in minutes, from raw text to a report.

The text is the documentation in the installed Python: the docstrings of the standard library. Pass
your own with --corpus, one paragraph per line. Each step is a command that you could type yourself:

    cline-fairseq quickstart --dest quickstart
    cline-fairseq quickstart --dest quickstart-mine --corpus my_text.txt

The same command can be rerun, and replaces its results. The folder of a run with other options is
left alone.
"""

import argparse
import ast
import inspect
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..atomic_io import atomic_write, make_folder, require_text, write_json
from ..errors import InputError
from ..rewriting import Lexicon, Rewriter, Tagger, split_words
from ..runtime.child_failures import require_success
from ..runtime.children import started
from ..runtime.locking import alone
from ..runtime.precision import AUTO, choose_precision
from ..training.logs import parse_line, read_log
from .figures import load_pyplot
from .options import program_parser
from .plot_training import draw
from .rewrite import as_text

USER_DIR = Path(__file__).resolve().parent.parent
SETTINGS = "quickstart.json"
MIN_PARAGRAPHS = 200
MIN_UPDATES = 10  # five validations, of which the report shows the first and the last
MIN_WORDS = 6  # in a paragraph of a docstring
HELD_OUT = 20  # every 20th paragraph is held out


def docstrings() -> list[str]:
    """Collect paragraphs of English from the docstrings of the standard library, each once."""
    paragraphs: dict[str, None] = {}
    library = Path(sysconfig.get_paths()["stdlib"])
    left_out = {"site-packages", "test", "tests", "idle_test", "lib2to3"}
    files = [p for p in sorted(library.rglob("*.py")) if not left_out & set(p.parts)]
    for path in tqdm(files, desc="reading docstrings", unit="file"):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue  # broken on purpose, or in another encoding
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
                    line = " ".join(paragraph.split())
                    # Leave out examples and tables.
                    letters = sum(c.isalpha() or c == " " for c in line)
                    if len(line.split()) >= MIN_WORDS and letters > 0.85 * len(line):
                        paragraphs[line] = None
    return list(paragraphs)


def read_corpus(path: Path) -> list[str]:
    """Read the paragraphs of a text, one per line.

    Raises:
        InputError: if it is not UTF-8 text.
    """
    require_text(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}; convert it first") from error
    return [line.strip() for line in lines if line.strip()]


def claim(dest: Path, settings: dict[str, Any]) -> None:
    """Write the settings of the run to its folder, which must not hold another run.

    Args:
        dest: folder of the run.
        settings: plain values that identify the run.

    Raises:
        InputError: if it does; this run would delete its checkpoints.
    """
    path = dest / SETTINGS
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    else:
        found = None if (dest / "checkpoints").exists() else settings
    if found != settings:
        raise InputError(
            f"{dest} holds checkpoints of another run, which this one would delete: pass another "
            "--dest, or remove the folder"
        )
    dest.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)


def run(*parts: object, log: Path | None = None, updates: int | None = None) -> None:
    """Show a command and run it.

    Args:
        parts: the program and its arguments.
        log: file for its output.
        updates: number of training updates, for a progress bar (None: no bar).

    Raises:
        InputError: if the command fails.
    """
    command = [str(part) for part in parts]
    print(f"\n$ {shlex.join(command)}", flush=True)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    output = []
    with (
        started(
            program_command(command),
            env=environment,
            stdout=subprocess.PIPE,
            # Our own programs show their progress.
            stderr=subprocess.STDOUT if command[0].startswith("fairseq") else None,
            text=True,
        ) as process,
        # With updates, disable= is left at its default, so that TQDM_DISABLE is heeded.
        tqdm(total=updates, unit="update", **({} if updates else {"disable": True})) as progress,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line)
            kind, values = parse_line(line)
            if kind == "train_inner":
                progress.set_postfix(loss=values["loss"], refresh=False)
                progress.update(int(values["num_updates"]) - progress.n)
    if log is not None:
        log.write_text("".join(output), encoding="utf-8")
    require_success(process.returncode, command[0], output, log)


def program_command(command: list[str]) -> list[str]:
    """Return a command that starts the program that belongs to this Python."""
    if command[0] == "cline-fairseq":
        return [sys.executable, "-m", "cline_fairseq.cli", *command[1:]]
    program = Path(sys.executable).parent / command[0]
    return [str(program) if program.exists() else command[0], *command[1:]]


def require_paragraphs(paragraphs: list[str]) -> None:
    """Require enough text.

    Raises:
        InputError: if the text is too short.
    """
    if len(paragraphs) < MIN_PARAGRAPHS:
        raise InputError(
            f"the corpus has {len(paragraphs)} paragraphs, and needs {MIN_PARAGRAPHS}: use a "
            "longer text, with one paragraph per line"
        )


def prepare(paragraphs: list[str], dest: Path, vocab_size: int) -> None:
    """Train a tokenizer and binarize the corpus.

    Args:
        paragraphs: the text.
        dest: folder to write to.
        vocab_size: size of the vocabulary.
    """
    held_out = paragraphs[::HELD_OUT]
    train = [p for i, p in enumerate(paragraphs) if i % HELD_OUT]
    for name, part in (("train", train), ("valid", held_out)):
        with atomic_write(dest / f"{name}.txt") as text:
            text.write_text("\n".join(part) + "\n", encoding="utf-8")
    run(
        *("cline-fairseq", "train-tokenizer", "--input", dest / "train.txt"),
        *("--dest", dest, "--vocab-size", vocab_size),
    )
    for name in ("train", "valid"):
        run(
            *("cline-fairseq", "encode", "--bpe", "sentencepiece"),
            *("--sentencepiece-model", dest / "sentencepiece.model", "--dict", dest / "dict.txt"),
            *("--input", dest / f"{name}.txt", "--binarize", "--dest", dest / "data-bin"),
            *("--split", name, "--overwrite"),
        )


def train(dest: Path, updates: int, precision: str) -> None:
    """Pre-train cline_tiny from scratch.

    Args:
        dest: folder with the binarized corpus, to write checkpoints to.
        updates: number of updates.
        precision: fp32 or bf16.
    """
    shutil.rmtree(dest / "checkpoints", ignore_errors=True)
    run(
        *("fairseq-train", dest / "data-bin", "--user-dir", USER_DIR, "--task", "cline"),
        *("--bpe", "sentencepiece", "--sentencepiece-model", dest / "sentencepiece.model"),
        *("--arch", "cline_tiny", "--criterion", "cline", "--optimizer", "fused_adamw"),
        *("--lr", "1e-3", "--lr-scheduler", "polynomial_decay", "--warmup-updates", updates // 10),
        *("--total-num-update", updates, "--max-update", updates, "--clip-norm", 1),
        *("--tokens-per-sample", 128, "--max-tokens", 8192, "--num-workers", 1),
        *("--validate-interval-updates", updates // 5, "--save-dir", dest / "checkpoints"),
        *("--no-epoch-checkpoints", "--log-format", "json", "--log-interval", 10),
        *(("--bf16",) if precision == "bf16" else ()),
        log=dest / "train.log",
        updates=updates,
    )


def show_examples(paragraphs: list[str], limit: int = 3) -> None:
    """Print texts with both rewrites, and replacements in brackets.

    Args:
        paragraphs: where to take texts from.
        limit: number of texts.
    """
    rewriter = Rewriter(Lexicon.load("en"), Tagger.load("en"))
    texts = [words for words in map(split_words, paragraphs) if 12 <= len(words) <= 30]
    for i, words in enumerate(texts[:: max(len(texts) // limit, 1)][:limit]):
        print("\n" + as_text(i, rewriter.rewrite(words, index=i)).rstrip())


def show_metrics(log: Mapping[str, Any]) -> None:
    """Print the metrics at the first and the last validation."""
    first, last = log["valid"][0], log["valid"][-1]
    print(f"\n{'held-out metric':34}{'update':>8}{'update':>9}")
    print(f"{'':34}{first['num_updates']:8.0f}{last['num_updates']:9.0f}")
    for name, meaning in (
        ("mlm_loss", "masked LM, bits per token"),
        ("rtd_loss", "RTD, bits per token"),
        ("cts_loss", "contrastive, bits per text"),
        ("rtd_f1", "RTD, F1 of replaced tokens"),
        ("cts_acc", "closer to the synonym view"),
        ("synonym_share", "replaced in synonym views"),
        ("antonym_share", "replaced in antonym views"),
    ):
        print(f"{meaning:34}{first[name]:8.3f}{last[name]:9.3f}")


def show_use(folder: str, paragraphs: list[str]) -> None:
    """Load the checkpoint as a user would, and print its answers.

    Args:
        folder: folder of the quickstart.
        paragraphs: held-out text, for an example.
    """
    from ..models.cline import ClineModel

    logging.disable(logging.INFO)  # fairseq logs what it loads
    checkpoints = f"{folder}/checkpoints"
    cline = ClineModel.from_pretrained(checkpoints).eval()
    words = next(words for words in map(split_words, paragraphs) if 12 <= len(words) <= 30)
    views = Rewriter(Lexicon.load("en"), Tagger.load("en")).rewrite(words)
    text, synonym, antonym = map(" ".join, (words, views.synonym, views.antonym))
    masked_words = list(words)
    masked_words[int(views.antonym_replaced.argmax())] = "<mask>"
    masked = " ".join(masked_words)
    guesses = cline.fill_mask(masked, topk=3)
    detected = sorted(cline.detect_replaced(antonym), key=lambda d: -d.probability)[:3]
    print(f"""
The model in Python:

>>> cline = ClineModel.from_pretrained({checkpoints!r}).eval()
>>> text = {text!r}
>>> antonym = {antonym!r}
>>> cline.fill_mask({masked!r}, topk=3)
{", ".join(f"{guess.token.strip()} ({guess.probability:.2f})" for guess in guesses)}
>>> cline.detect_replaced(antonym)  # the likeliest replacements
{", ".join(f"{word.word} ({word.probability:.2f})" for word in detected)}
>>> cline.similarity(text, synonym), cline.similarity(text, antonym)
{cline.similarity(text, synonym):.3f}, {cline.similarity(text, antonym):.3f}""")


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "--dest",
        type=Path,
        default=Path("quickstart"),
        metavar="DIR",
        help="folder to write to (default: %(default)s)",
    )
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="FILE",
        help="text to train on, one paragraph per line (default: docstrings of Python's library)",
    )
    parser.add_argument(
        "--vocab-size",
        type=int,
        default=4000,
        metavar="N",
        help="number of pieces in the vocabulary (default: %(default)s)",
    )
    parser.add_argument(
        "--updates",
        type=int,
        default=300,
        metavar="N",
        help="number of training updates (default: %(default)s)",
    )
    parser.add_argument(
        "--precision",
        choices=(AUTO, "fp32", "bf16"),
        default="fp32",
        help="floating-point format of training; auto is bf16 where the processor multiplies it "
        "natively, otherwise fp32 (default: %(default)s)",
    )
    args = parser.parse_args(argv)
    if args.updates < MIN_UPDATES:
        parser.error(f"--updates must be at least {MIN_UPDATES}, not {args.updates}")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    start = time.monotonic()
    args = _parse_args(argv)
    load_pyplot()  # raises an error here rather than after training
    dest = args.dest.resolve()
    paragraphs = read_corpus(args.corpus) if args.corpus else docstrings()
    print(f"{len(paragraphs):,} paragraphs, {sum(len(p.split()) for p in paragraphs):,} words")
    require_paragraphs(paragraphs)
    corpus = str(args.corpus.resolve()) if args.corpus else None
    precision = choose_precision(args.precision, say=print)  # where fairseq-train will train
    settings = {"corpus": corpus, "vocab_size": args.vocab_size, "updates": args.updates}
    if precision != "fp32":  # which folders of earlier versions do not mention
        settings["precision"] = precision
    make_folder(dest.parent)
    with alone(dest):
        claim(dest, settings)
        prepare(paragraphs, dest, args.vocab_size)
        train(dest, args.updates, precision)
        log = read_log(dest / "train.log")
        draw({"quickstart": log}, dest / "curves.png")

    print("\n" + "=" * 60)
    show_examples(paragraphs[::HELD_OUT])
    show_metrics(log)
    shown = os.path.relpath(dest)
    show_use(shown, paragraphs[::HELD_OUT])
    print(f"\n{time.monotonic() - start:.0f} seconds. Training curves: {shown}/curves.png")
    longer: list[object] = ["cline-fairseq", "quickstart", "--updates", 10 * args.updates]
    longer += ["--dest", f"{args.dest}-longer", "--vocab-size", args.vocab_size]
    longer += ["--corpus", args.corpus] if args.corpus else []
    longer += ["--precision", args.precision] if args.precision != "fp32" else []
    print(
        f"""
Next:
  train longer:
    {shlex.join(map(str, longer))}
  every option of the task:
    cline-fairseq show-options
  pre-train on your own corpus, on a cluster, from RoBERTa: the documentation's how-to pages"""
    )
