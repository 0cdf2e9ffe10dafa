"""Fixtures: the real lexicon and tagger, and a small corpus prepared as the README says."""

import signal

import numpy as np
import pytest

from cline_fairseq.rewriting import Kind, Lexicon, Tagger
from cline_fairseq.rewriting.lexicon import LexiconData, resource_path
from helpers import TOKENIZER, english_texts, gpt2_files
from programs import run

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in background jobs of a shell. The programs under test would inherit it, and ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Packages that only an extra installs.
EXTRAS = {
    "google": "interop",
    "safetensors": "interop",
    "transformers": "interop",
    "lemminflect": "lexicon",
    "pyarrow": "parquet",
    "zstandard": "corpus",
}


class ModuleOfExtra(pytest.Module):
    """A test file, which is skipped if it imports a package of an extra that is not installed."""

    def collect(self):
        try:
            return super().collect()
        except self.CollectError as error:
            missing = getattr(error.__cause__, "name", None) or ""
            extra = EXTRAS.get(missing.partition(".")[0])
            if extra is None:
                raise
            pytest.skip(f"needs the extra {extra} ({missing})", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    return ModuleOfExtra.from_parent(parent, path=module_path)


@pytest.fixture(scope="session", autouse=True)
def signals_stay_with_pytest():
    """Programs that tests call in this process would handle its signals from then on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cline_fairseq.runtime.interrupts.end_cleanly", lambda: None)
        patch.setattr("cline_fairseq.runtime.interrupts.end_at_once", lambda: None)
        patch.setattr("cline_fairseq.cli.main.end_at_once", lambda: None)
        yield


@pytest.fixture(scope="session")
def lexicon():
    return Lexicon.load("en")


@pytest.fixture(scope="session")
def odd_lexicon():
    """The real words with other weights, a third of them 0, and co-hyponyms for half of them."""
    data = LexiconData.load(resource_path("en", "lexicon"))
    weight = np.random.default_rng(0).integers(0, 256, len(data.pair_weight))
    weight[(weight < 85) | (data.pair_weight == 0)] = 0
    kind = data.pair_kind.copy()
    half = (data.pair_lemma % 2 == 0) & (data.pair_candidate != data.pair_lemma)
    kind[(kind == Kind.HYPERNYM) & half] = Kind.COHYPONYM
    order = np.lexsort((kind, data.pair_lemma))
    return Lexicon(
        data._replace(
            pair_kind=kind[order],
            pair_candidate=data.pair_candidate[order],
            pair_weight=weight[order].astype(np.uint8),
        )
    )


@pytest.fixture(scope="session")
def tagger():
    return Tagger.load("en")


@pytest.fixture(scope="session")
def texts():
    return english_texts()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, texts):
    """A folder with a SentencePiece vocabulary and a binarized corpus, made as the README says."""
    folder = tmp_path_factory.mktemp("corpus")
    held_out = len(texts) // 8
    for name, part in (("valid", texts[:held_out]), ("train", texts[held_out:])):
        # A blank line, which ends a document, behind each fifth paragraph.
        lines = [text + "\n" * (2 if i % 5 == 4 else 1) for i, text in enumerate(part)]
        (folder / f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    run(
        *("scripts/train_sentencepiece.py", "--input", folder / "train.txt"),
        *("--dest", folder, "--vocab-size", 3000),
    )
    for name in ("train", "valid"):
        run(
            *("scripts/encode.py", "--bpe", "sentencepiece", "--workers", 1),
            *("--sentencepiece-model", folder / TOKENIZER),
            *("--input", folder / f"{name}.txt", "--output", folder / f"{name}.sp"),
        )
    run(
        *("fairseq-preprocess", "--only-source", "--srcdict", folder / "dict.txt"),
        *("--trainpref", folder / "train.sp", "--validpref", folder / "valid.sp"),
        *("--destdir", folder / "bin"),
    )
    return folder


@pytest.fixture(scope="session")
def gpt2_corpus(tmp_path_factory, texts):
    """The same with a byte-level BPE: the binarized corpus, and the options of ``--bpe``."""
    return gpt2_files(tmp_path_factory.mktemp("gpt2"), texts)
