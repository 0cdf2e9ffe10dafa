"""The files in a model's folder as fairseq's hub interface reads them, besides model.pt."""

from collections.abc import Sequence
from pathlib import Path

from ..checkpoint_files import (
    DICTIONARY,
    ENCODER_JSON,
    SENTENCEPIECE_MODEL,
    VOCAB_BPE,
    WORD_PIECES,
    tokenizer_in,
)
from ..dictionary import MASK, SPECIAL, write_dictionary

RTD_HEAD = "rtd_head.safetensors"


def write_symbols(folder: Path, symbols: Sequence[str]) -> None:
    """Write dict.txt.

    Args:
        folder: where to write it.
        symbols: all symbols of the dictionary. A ``<mask>`` at the end is left out, because
            fairseq's tasks add it.
    """
    symbols = list(symbols[len(SPECIAL) :])
    if symbols[-1:] == [MASK]:
        del symbols[-1]
    write_dictionary(folder / DICTIONARY, ((symbol, 1) for symbol in symbols))


def tokenizer_options(bpe: str, folder: Path) -> str:
    """fairseq's command-line options for a tokenizer.

    Args:
        bpe: sentencepiece, gpt2 or bert.
        folder: the folder with the tokenizer's files.
    """
    if bpe == "sentencepiece":
        return f"--bpe sentencepiece --sentencepiece-model {folder / SENTENCEPIECE_MODEL}"
    if bpe == "bert":
        found = tokenizer_in([folder])
        cased = " --bpe-cased" if found and found.config()["bpe_cased"] else ""
        return f"--bpe bert --bpe-vocab-file {folder / WORD_PIECES}{cased}"
    return (
        f"--bpe gpt2 --gpt2-encoder-json {folder / ENCODER_JSON} "
        f"--gpt2-vocab-bpe {folder / VOCAB_BPE}"
    )
