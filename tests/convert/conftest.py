"""Encoders and classifiers with both tokenizers, which the tests convert."""

from argparse import Namespace
from pathlib import Path
from typing import NamedTuple

import pytest

from cline_fairseq.checkpoint import LoadedModel, load_model
from cline_fairseq.tokenizer import TokenizerFiles
from helpers import TOKENIZER
from tiny_models import binarize_tasks, save_classifier, save_encoder

MAX_POSITIONS = 512
CLASSES = {"MNLI": 3, "STS-B": 1}


class Source(NamedTuple):
    """A checkpoint, the folder of its dictionary, and its tokenizer."""

    path: Path
    data: Path
    tokenizer: Namespace

    def load(self) -> LoadedModel:
        return load_model(*self)

    def options(self) -> list:
        """Those of the programs."""
        options = ["--checkpoint", self.path, "--data", self.data]
        for name, value in vars(self.tokenizer).items():
            options += [] if value is None else [f"--{name.replace('_', '-')}", value]
        return options


@pytest.fixture(scope="session")
def sources(corpus, gpt2_corpus, texts, tmp_path_factory):
    """Sources by name: encoders, with dictionaries of several kinds, and classifiers."""
    folder = tmp_path_factory.mktemp("interop")
    sentencepiece = TokenizerFiles("sentencepiece", sentencepiece_model=corpus / TOKENIZER)
    gpt2_data, gpt2 = gpt2_corpus
    gpt2 = TokenizerFiles("gpt2", **{k: v for k, v in gpt2.items() if k != "_name"})
    filled = folder / "filled"
    filled.mkdir()
    dictionary = (gpt2_data / "dict.txt").read_text(encoding="utf-8").splitlines()
    dictionary = [dictionary[0], "<mask> 0", *reversed(dictionary[1:])]
    dictionary += [f"madeupword{i:04d} 0" for i in range(3)]
    (filled / "dict.txt").write_text("\n".join(dictionary) + "\n", encoding="utf-8")
    long = ("cline", "cline_base", "--max-positions", MAX_POSITIONS)
    found = {}
    for name, data, tokenizer, extra in (
        ("sentencepiece", corpus / "bin", sentencepiece, ()),
        ("gpt2", gpt2_data, gpt2, ()),
        ("filled dictionary", filled, gpt2, ()),
        ("untied", corpus / "bin", sentencepiece, ("--untie-weights-roberta",)),
    ):
        path = save_encoder(folder / f"{name}.pt", data, *long, *extra)
        found[name] = Source(path, data, tokenizer)
    path = save_encoder(folder / "roberta.pt", corpus / "bin", "masked_lm", "roberta_base")
    found["roberta"] = Source(path, corpus / "bin", sentencepiece)
    glue, _ = binarize_tasks(folder, corpus, CLASSES, texts)
    for name, classes in CLASSES.items():
        extra = ("--regression-target",) if name == "STS-B" else ()
        path = save_classifier(folder / f"{name}.pt", glue / name, classes, "cline_base", *extra)
        found[name] = Source(path, glue / name, sentencepiece)
    return found


@pytest.fixture(scope="session")
def exported(sources, tmp_path_factory):
    """All sources as folders of Hugging Face, and what they were made of."""
    pytest.importorskip("transformers", reason="needs the extra interop")
    from cline_fairseq.convert.export_hf import export_hf

    folder = tmp_path_factory.mktemp("exported")
    made = {}
    for name, source in sources.items():
        loaded = source.load()
        export_hf(loaded, folder / name, rtd_head=loaded.has_rtd_head)
        made[name] = (folder / name, loaded)
    return made


@pytest.fixture(scope="session")
def imported(exported, tmp_path_factory):
    """The encoders among them, imported again."""
    from cline_fairseq.convert.import_hf import import_hf

    folder = tmp_path_factory.mktemp("imported")
    for name, (source, loaded) in exported.items():
        if not loaded.is_classifier:
            import_hf(source, folder / name)
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory, texts):
    """Folders of BERT and its variants, and what was imported of them."""
    pytest.importorskip("transformers", reason="needs the extra interop")
    from cline_fairseq.convert.import_hf import import_hf
    from hf_models import MODELS, make

    folder = tmp_path_factory.mktemp("bert")
    made = {}
    for name, (kind, options) in MODELS.items():
        source = make(folder / name, kind, texts, **options)
        made[name] = (
            source,
            folder / f"{name} imported",
            import_hf(source, folder / f"{name} imported"),
        )
    return made
