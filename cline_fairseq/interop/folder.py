"""A model's folder, as fairseq's hub interfaces read it: model.pt, dict.txt, tokenizer."""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..corpus.symbols import SPECIAL
from ..errors import MissingFileError
from ..options import MASK, tokenizer_of

CHECKPOINT = "model.pt"
DICTIONARY = "dict.txt"
SENTENCEPIECE_MODEL = "sentencepiece.bpe.model"  # the name that fairseq's hub looks for
ENCODER_JSON, VOCAB_BPE = "encoder.json", "vocab.bpe"
RTD_HEAD = "rtd_head.safetensors"
_SENTENCEPIECE_MODELS = (SENTENCEPIECE_MODEL, "sentencepiece.model")


def write_dictionary(folder: Path, symbols: Sequence[str]) -> None:
    """Write dict.txt.

    Args:
        folder: to write to.
        symbols: from the first row on, with ``<mask>``; the last one is left out if it is that,
            since fairseq's tasks add it.
    """
    symbols = list(symbols[len(SPECIAL) :])
    if symbols[-1:] == [MASK]:
        del symbols[-1]
    text = "".join(f"{symbol} 1\n" for symbol in symbols)
    (folder / DICTIONARY).write_text(text, encoding="utf-8")


def copy_tokenizer(folder: Path, subwords: dict) -> None:
    """Copy the files of a tokenizer.

    Args:
        folder: to copy to.
        subwords: fairseq's configuration of ``--bpe``.
    """
    names = {
        "sentencepiece_model": SENTENCEPIECE_MODEL,
        "gpt2_encoder_json": ENCODER_JSON,
        "gpt2_vocab_bpe": VOCAB_BPE,
    }
    for option, name in names.items():
        if option in subwords:
            shutil.copyfile(subwords[option], folder / name)


def tokenizer_options(bpe: str, folder: Path) -> str:
    """The options of fairseq for the files of a tokenizer, as text.

    Args:
        bpe: sentencepiece or gpt2.
        folder: where they are.
    """
    if bpe == "sentencepiece":
        return f"--bpe sentencepiece --sentencepiece-model {folder / SENTENCEPIECE_MODEL}"
    return (
        f"--bpe gpt2 --gpt2-encoder-json {folder / ENCODER_JSON} "
        f"--gpt2-vocab-bpe {folder / VOCAB_BPE}"
    )


def find_tokenizer(folder: Path) -> argparse.Namespace:
    """The options of the tokenizer whose files are in a folder.

    Raises:
        MissingFileError: if there are none.
    """
    for name in _SENTENCEPIECE_MODELS:
        if (folder / name).is_file():
            return tokenizer_of("sentencepiece", sentencepiece_model=folder / name)
    files = [folder / ENCODER_JSON, folder / VOCAB_BPE]
    if all(path.is_file() for path in files):
        return tokenizer_of("gpt2", gpt2_encoder_json=files[0], gpt2_vocab_bpe=files[1])
    raise MissingFileError(
        f"no tokenizer in {folder}: it needs {_SENTENCEPIECE_MODELS[0]}, or {ENCODER_JSON} and "
        f"{VOCAB_BPE}; or say where it is, as bpe=... and the names of fairseq's options"
    )
