"""Programs and the files that they read, each file in a folder of its own that can be broken."""

import gzip
import lzma
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from fairseq.data import Dictionary, data_utils, indexed_dataset

from cline_fairseq.rewriting.lexicon import RESOURCES
from helpers import gpt2_options, gpt2_vocabulary
from stress.material import Material, has_textattack, must_succeed

ANY = "any way"


class Reader(NamedTuple):
    """A program, and one of the files that it reads.

    Attributes:
        what: the file and the program.
        source: the folder with the file.
        file: its path in the folder.
        command: the command line, by the folder (a copy of ``source``) and a folder to write to.
        unnoticed: the ways of breaking it that may give another result, as they can leave what is
            as good: another letter of a text, or a compressed file that goes on. ANY for all.
    """

    what: str
    source: Path
    file: str
    command: Callable[[Path, Path], list[object]]
    unnoticed: str | None = None


class Readers:
    """All of them, in :meth:`all`."""

    def __init__(self, material: Material, folder: Path):
        self._material, self._folder = material, folder

    def all(self) -> Iterator[Reader]:
        """Each reader; what it reads is made now."""
        yield from self._encode()
        yield from self._rewrite()
        yield from self._train()
        yield from self._glue()
        yield from self._evaluate()
        yield from self.hugging_face()
        yield self._export()
        yield from self._report()

    @cached_property
    def _texts(self):
        """A text, plain and compressed."""
        folder = self._folder / "texts"
        folder.mkdir()
        data = ("\n".join(self._material.texts[:200]) + "\n").encode()
        (folder / "text.txt").write_bytes(data)
        (folder / "text.txt.gz").write_bytes(gzip.compress(data))
        (folder / "text.txt.xz").write_bytes(lzma.compress(data))
        return folder

    @cached_property
    def _gpt2(self):
        folder = self._folder / "gpt2"
        folder.mkdir()
        gpt2_vocabulary(folder, self._material.texts)
        return folder

    @cached_property
    def _resources(self):
        folder = self._folder / "resources"
        folder.mkdir()
        for name in ("lexicon.en.npz", "tagger.en.npz"):
            shutil.copy(RESOURCES / name, folder)
        return folder

    @cached_property
    def _lazy(self):
        """The corpus in the format of --dataset-impl lazy."""
        folder, source = self._folder / "lazy", self._material.binarized
        folder.mkdir()
        shutil.copy(source / "dict.txt", folder)
        for split in ("train", "valid"):
            lines = data_utils.load_indexed_dataset(
                str(source / split), Dictionary.load(str(source / "dict.txt"))
            )
            builder = indexed_dataset.make_builder(f"{folder / split}.bin", "lazy")
            for i in range(len(lines)):
                builder.add_item(lines[i])
            builder.finalize(f"{folder / split}.idx")
        return folder

    @cached_property
    def _hugging_face(self):
        folder = self._folder / "hf"
        must_succeed(self._material.export(folder))
        return folder

    def _encode(self):
        material, vocabulary = self._material, self._material.vocabulary

        def encode(text, dest, vocabulary=vocabulary, gpt2=None):
            if gpt2:
                options = ["--bpe", "gpt2", *gpt2_options(gpt2), "--dict", gpt2 / "dict.txt"]
            else:
                model = vocabulary / "sentencepiece.model"
                options = ["--bpe", "sentencepiece", "--sentencepiece-model", model]
                options += ["--dict", vocabulary / "dict.txt"]
            return [
                *("scripts/encode.py", *options, "--input", text, "--binarize", "--dest", dest),
                *("--workers", 1),
            ]

        for end in ("", ".gz", ".xz"):
            file = f"text.txt{end}"
            yield Reader(
                f"{file}, encode",
                self._texts,
                file,
                lambda folder, dest, file=file: encode(folder / file, dest),
                "doubled" if end else ANY,
            )
        text = self._texts / "text.txt"
        for file in ("sentencepiece.model", "dict.txt"):
            yield Reader(
                f"{file}, encode",
                vocabulary,
                file,
                lambda folder, dest: encode(text, dest, vocabulary=folder),
                ANY,
            )
        for file in ("encoder.json", "vocab.bpe", "dict.txt"):
            yield Reader(
                f"{file} of GPT-2, encode",
                self._gpt2,
                file,
                lambda folder, dest: encode(text, dest, gpt2=folder),
                ANY if file == "dict.txt" else None,
            )
        yield Reader(
            "text.txt.gz, train_sentencepiece",
            self._texts,
            "text.txt.gz",
            lambda folder, dest: [
                *("scripts/train_sentencepiece.py", "--input", folder / "text.txt.gz"),
                *("--dest", dest, "--vocab-size", 500),
            ],
            "doubled",
        )
        finished = self._folder / "finished"
        must_succeed(material.encode(text, finished, 1))
        for file in ("train.manifest.json", "train.bin"):
            yield Reader(
                f"{file}, encode again",
                finished,
                file,
                lambda folder, dest: encode(text, folder),
            )

    def _rewrite(self):
        text = self._texts / "text.txt"

        def rewrite(dest, *options):
            return ["scripts/rewrite.py", "--output", dest / "views.jsonl", *options]

        yield Reader(
            "text.txt, rewrite",
            self._texts,
            "text.txt",
            lambda folder, dest: rewrite(dest, "--input", folder / "text.txt"),
            ANY,
        )
        for name in ("lexicon", "tagger"):
            file = f"{name}.en.npz"
            yield Reader(
                f"{name}, rewrite",
                self._resources,
                file,
                lambda folder, dest, name=name, file=file: rewrite(
                    dest, "--input", text, f"--{name}", folder / file
                ),
            )

    def _train(self):
        material = self._material

        def train(dest, data=material.binarized, *options):
            command = material.train(dest, 2, "--disable-validation", *options)
            command[1] = data
            return command

        for file in ("train.bin", "train.idx", "dict.txt"):
            yield Reader(
                f"{file}, fairseq-train",
                material.binarized,
                file,
                lambda folder, dest: train(dest, folder),
                None if file == "train.idx" else ANY,
            )
        for file in ("train.bin", "train.idx"):
            yield Reader(
                f"{file} of --dataset-impl lazy, fairseq-train",
                self._lazy,
                file,
                lambda folder, dest: train(dest, folder),
                None if file == "train.idx" else ANY,
            )
        yield Reader(
            "sentencepiece.model, fairseq-train",
            material.vocabulary,
            "sentencepiece.model",
            lambda folder, dest: train(
                dest,
                material.binarized,
                *("--sentencepiece-model", folder / "sentencepiece.model"),
            ),
            ANY,
        )
        yield Reader(
            "lexicon, fairseq-train",
            self._resources,
            "lexicon.en.npz",
            lambda folder, dest: train(
                dest, material.binarized, "--lexicon", folder / "lexicon.en.npz"
            ),
        )
        source = material.checkpoint.parent
        for option in ("--restore-file", "--finetune-from-model"):
            yield Reader(
                f"checkpoint, fairseq-train {option}",
                source,
                material.checkpoint.name,
                lambda folder, dest, option=option: train(
                    dest, material.binarized, option, folder / material.checkpoint.name
                ),
                ANY,
            )
        yield Reader(
            "checkpoint_last.pt, fairseq-train again",
            source,
            material.checkpoint.name,
            lambda folder, dest: train(folder),
            ANY,
        )

    def _glue(self):
        yield Reader(
            "train.tsv, glue_preprocess",
            self._material.glue,
            "RTE/train.tsv",
            lambda folder, dest: [
                *("scripts/glue_preprocess.py", "--glue-dir", folder, "--tasks", "RTE"),
                *("--dest", dest, *self._material.subwords),
                *("--dict", self._material.vocabulary / "dict.txt"),
            ],
            ANY,
        )

    def _evaluate(self):
        for file in ("model.pt", "paired.tsv", "label/dict.txt", "input0/dict.txt"):
            yield Reader(
                f"{file}, evaluate_contrast",
                self._material.classifier,
                file,
                lambda folder, dest: [
                    *("scripts/evaluate_contrast.py", "--checkpoint", folder / "model.pt"),
                    *("--paired", folder / "paired.tsv", "--pair-column", "set"),
                    *("--data", folder, "--resamples", 10, "--json", dest / "contrast.json"),
                ],
                ANY,
            )
        yield Reader(
            "dev.json, evaluate_advglue",
            self._material.classifier,
            "dev.json",
            lambda folder, dest: [
                *("scripts/evaluate_advglue.py", "--file", folder / "dev.json"),
                *("--checkpoint", f"sst2={folder / 'model.pt'}", "--resamples", 10),
                *("--json", dest / "advglue.json"),
            ],
            ANY,
        )

    def hugging_face(self) -> Iterator[Reader]:
        """The readers of a model in the format of Hugging Face."""
        source = self._hugging_face
        for file in ("config.json", "tokenizer.json", "model.safetensors", "*.model"):
            file = next(source.glob(file)).name
            yield Reader(
                f"{file}, import_hf",
                source,
                file,
                lambda folder, dest: [
                    *("scripts/import_hf.py", "--model", folder, "--dest", dest / "model"),
                ],
                ANY,
            )

    def _export(self):
        return Reader(
            "checkpoint, export_hf",
            self._material.checkpoint.parent,
            self._material.checkpoint.name,
            lambda folder, dest: [
                *("scripts/export_hf.py", "--dest", dest / "model"),
                *("--checkpoint", folder / self._material.checkpoint.name),
            ],
            ANY,
        )

    def _report(self):
        material = self._material
        yield Reader(
            "train.log, plot_training",
            material.training_log.parent,
            material.training_log.name,
            lambda folder, dest: [
                *("scripts/plot_training.py", folder / material.training_log.name),
                *("--output", dest / "curves.png"),
            ],
            ANY,
        )
        result = "RTE/seed1/result.json"
        yield Reader(
            "result.json, glue_report",
            material.glue_runs,
            result,
            lambda folder, dest: [
                *("scripts/glue_report.py", folder, "--names", "a"),
                *("--json", dest / "glue.json"),
            ],
            ANY,
        )
        yield Reader(
            "result.json, glue_submit",
            material.glue_runs,
            result,
            lambda folder, dest: [
                *("scripts/glue_submit.py", folder, "--zip", dest / "submission.zip"),
                "--allow-missing",
            ],
            ANY,
        )
        if has_textattack():
            yield Reader(
                "paired.tsv, attack",
                material.classifier,
                "paired.tsv",
                lambda folder, dest: material.attack(folder, dest / "attack"),
                ANY,
            )


_LOSSES = re.compile(r'"(?:train_)?loss": "[^"]*"')


def losses(output: str) -> list[str]:
    """What a training run logs of its losses: its result, besides files that hold the time."""
    return _LOSSES.findall(output)
