"""A model's folder, as fairseq's hub interfaces read it: model.pt, dict.txt, tokenizer."""

from collections.abc import Sequence
from pathlib import Path

from ..checkpoint_files import DICTIONARY, ENCODER_JSON, SENTENCEPIECE_MODEL, VOCAB_BPE
from ..dictionary import MASK, SPECIAL, write_dictionary

RTD_HEAD = "rtd_head.safetensors"


def write_symbols(folder: Path, symbols: Sequence[str]) -> None:
    """Write dict.txt.

    Args:
        folder: to write to.
        symbols: from the first row on, with ``<mask>``; the last one is left out if it is that,
            since fairseq's tasks add it.
    """
    symbols = list(symbols[len(SPECIAL) :])
    if symbols[-1:] == [MASK]:
        del symbols[-1]
    write_dictionary(folder / DICTIONARY, ((symbol, 1) for symbol in symbols))


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
