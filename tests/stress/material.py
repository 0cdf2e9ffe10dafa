"""What the programs under stress work with: a small corpus, its vocabulary, models and GLUE."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from glue_files import write_task
from helpers import TOKENIZER, english_texts
from tiny_models import save_classifier

ROOT = Path(__file__).resolve().parents[2]
_BIN = Path(sys.executable).parent
SIZE = ("--encoder-layers", 1, "--encoder-embed-dim", 32, "--encoder-ffn-embed-dim", 64)


def command(*parts: object) -> list[str]:
    """A command line for subprocess: scripts by their path in the project, or what is installed."""
    name, *arguments = map(str, parts)
    if name.endswith(".py"):
        return [sys.executable, str(ROOT / name), *arguments]
    return [str(_BIN / name), *arguments]


def environment() -> dict[str, str]:
    """The variables that programs get: few threads, and this project's package first."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


def has_textattack() -> bool:
    """Whether scripts/attack.py can run."""
    return find_spec("textattack") is not None


def must_succeed(parts: Sequence[object]) -> bytes:
    """Run a command that prepares something: its output."""
    return subprocess.run(
        command(*parts), cwd=ROOT, env=environment(), check=True, capture_output=True
    ).stdout


class Material:
    """Made by the programs themselves, each part when it is first asked for.

    Args:
        folder: to make.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True)

    @cached_property
    def texts(self) -> list[str]:
        """Paragraphs of English."""
        return english_texts()

    @cached_property
    def corpus(self) -> Path:
        """A text of a megabyte, one paragraph a line, long enough to be interrupted in."""
        path = self.folder / "corpus.txt"
        lines = "".join(f"{text}\n" * (1 + i % 2) for i, text in enumerate(self.texts))
        path.write_text(lines * 4, encoding="utf-8")
        return path

    @cached_property
    def sentences(self) -> Path:
        """Some of the texts, to measure on."""
        path = self.folder / "sentences.txt"
        path.write_text("\n".join(self.texts[:100]) + "\n", encoding="utf-8")
        return path

    @cached_property
    def vocabulary(self) -> Path:
        """A folder with sentencepiece.model and dict.txt."""
        text = self.folder / "vocabulary.txt"
        text.write_text("\n".join(self.texts) + "\n", encoding="utf-8")
        folder = self.folder / "vocabulary"
        must_succeed(
            [
                *("scripts/train_sentencepiece.py", "--input", text, "--dest", folder),
                *("--vocab-size", 3000),
            ]
        )
        return folder

    @property
    def subwords(self) -> tuple[object, ...]:
        """The options of the tokenizer."""
        return ("--bpe", "sentencepiece", "--sentencepiece-model", self.vocabulary / TOKENIZER)

    @cached_property
    def binarized(self) -> Path:
        """A folder with a small binarized corpus, the splits train and valid."""
        folder = self.folder / "data-bin"
        for split, part in (("train", self.texts[60:]), ("valid", self.texts[:60])):
            text = self.folder / f"{split}.txt"
            text.write_text("\n".join(part) + "\n", encoding="utf-8")
            must_succeed(self.encode(text, folder, 1, split))
        return folder

    @cached_property
    def checkpoint(self) -> Path:
        """A tiny pre-trained model."""
        folder = self.folder / "pretrained"
        log = ("--log-file", self.folder / "train.log")
        must_succeed(self.train(folder, 2, "--disable-validation", *log))
        return folder / "checkpoint_last.pt"

    @cached_property
    def glue(self) -> Path:
        """A folder with the raw files of two tasks of GLUE."""
        folder = self.folder / "glue"
        for task in ("RTE", "CoLA"):
            write_task(folder, task, self.texts, 1)
        return folder

    @cached_property
    def glue_binarized(self) -> Path:
        """The same tasks as fine-tuning reads them."""
        folder = self.folder / "glue-bin"
        must_succeed(self.preprocess_glue(folder))
        return folder

    @cached_property
    def classifier(self) -> Path:
        """A folder with a classifier, the data of its task, and texts to measure it on."""
        folder = self.folder / "classifier"
        shutil.copytree(self.glue_binarized / "CoLA", folder)
        save_classifier(folder / "model.pt", folder, 2)
        rows = "".join(
            f"{i}\t{label}\t{sign} {text}\n"
            for i, text in enumerate(self.texts[:20])
            for label, sign in ((1, "good"), (0, "bad"))
        )
        (folder / "paired.tsv").write_text(f"set\tlabel\ttext\n{rows}", encoding="utf-8")
        sentences = [
            {"sentence": text, "label": i % 2, "original_sentence": text[5:], "method": "a"}
            for i, text in enumerate(self.texts[:20])
        ]
        (folder / "dev.json").write_text(json.dumps({"sst2": sentences}), encoding="utf-8")
        return folder

    @cached_property
    def training_log(self) -> Path:
        """What a run of training has logged, in a folder of its own."""
        folder = self.folder / "log"
        folder.mkdir()
        log = folder / "train.log"
        log.write_bytes(must_succeed(self.train(self.folder / "logged", 4)))
        return log

    @cached_property
    def glue_runs(self) -> Path:
        """A folder with a run of fine-tuning, its result, and its file for the leaderboard."""
        folder = self.folder / "runs"
        command = self.finetune(folder / "RTE")
        must_succeed([*command, "--max-epoch", 1, "--predict", "test"])
        for checkpoint in folder.rglob("*.pt"):  # the largest part, which reports do not read
            checkpoint.unlink()
        return folder

    def encode(self, text: Path, dest: Path, workers: int, split: str = "train") -> list[object]:
        """A command that encodes a text."""
        return [
            *("scripts/encode.py", *self.subwords, "--dict", self.vocabulary / "dict.txt"),
            *("--input", text, "--binarize", "--dest", dest, "--split", split),
            *("--workers", workers),
        ]

    def rewrite(self, output: Path, workers: int) -> list[object]:
        """A command that rewrites the corpus."""
        return [
            *("scripts/rewrite.py", "--input", self.corpus, "--output", output),
            *("--workers", workers),
        ]

    def train_vocabulary(self, dest: Path) -> list[object]:
        """A command that trains a vocabulary on the corpus."""
        return [
            *("scripts/train_sentencepiece.py", "--input", self.corpus, "--dest", dest),
            *("--vocab-size", 3000),
        ]

    def preprocess_glue(self, dest: Path) -> list[object]:
        """A command that prepares the tasks of GLUE."""
        return [
            *("scripts/glue_preprocess.py", "--glue-dir", self.glue, "--tasks", "RTE,CoLA"),
            *("--dest", dest, *self.subwords, "--dict", self.vocabulary / "dict.txt"),
        ]

    def finetune(self, save: Path) -> list[object]:
        """A command that fine-tunes the model on a task of GLUE."""
        return [
            *("scripts/glue_finetune.py", "--task", "RTE", "--data", self.glue_binarized / "RTE"),
            *("--checkpoint", self.checkpoint, "--save", save, "--max-epoch", 4),
            *("--batch-size", 8, "--num-workers", 0),
        ]

    def attack(self, folder: Path, output: Path) -> list[object]:
        """A command that attacks the classifier; NLTK finds the stop words that it needs.

        Args:
            folder: :attr:`classifier`, or a copy of it.
            output: the names of the files to write, without their endings.
        """
        if "NLTK_DATA" not in os.environ:
            words = self.folder / "nltk" / "corpora" / "stopwords" / "english"
            words.parent.mkdir(parents=True)
            words.write_text("a\nthe\n", encoding="utf-8")
            os.environ["NLTK_DATA"] = str(self.folder / "nltk")
        return [
            *("scripts/attack.py", "--recipe", "deepwordbug", "--num-examples", 4),
            *("--checkpoint", f"a={folder / 'model.pt'}", "--data", folder),
            *("--input", folder / "paired.tsv", "--resamples", 10),
            *("--json", output.with_suffix(".json"), "--output", output.with_suffix(".csv")),
        ]

    def train(self, save_dir: Path, updates: int, *options: object) -> list[object]:
        """A command that pre-trains a tiny model."""
        return [
            *("fairseq-train", self.binarized, "--user-dir", ROOT / "cline_fairseq"),
            *("--task", "cline", "--arch", "cline_tiny", "--criterion", "cline", *self.subwords),
            *("--tokens-per-sample", 64, "--batch-size", 8, "--optimizer", "fused_adamw"),
            *("--lr", "1e-3", "--lr-scheduler", "fixed", "--max-update", updates, *SIZE),
            *("--log-format", "json", "--log-interval", 1, "--cpu", "--num-workers", 0),
            *("--no-epoch-checkpoints", "--save-dir", save_dir, *options),
        ]

    def export(self, dest: Path, script: str = "export_hf") -> list[object]:
        """A command that converts the model."""
        return [f"scripts/{script}.py", "--checkpoint", self.checkpoint, "--dest", dest]
