"""What the programs under stress work with: a small corpus, its vocabulary, models and GLUE."""

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from glue_files import write_task
from helpers import TOKENIZER, english_texts

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


def must_succeed(parts: Sequence[object]) -> None:
    """Run a command that prepares something."""
    subprocess.run(command(*parts), cwd=ROOT, env=environment(), check=True, capture_output=True)


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
