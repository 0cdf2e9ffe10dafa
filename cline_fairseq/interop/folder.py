"""A model's folder, as fairseq's hub interfaces read it: model.pt, dict.txt, tokenizer."""

from collections.abc import Sequence
from pathlib import Path

from ..dictionary import SPECIAL
from ..options import MASK
from ..recorded import DICTIONARY, ENCODER_JSON, SENTENCEPIECE_MODEL, VOCAB_BPE

RTD_HEAD = "rtd_head.safetensors"


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
