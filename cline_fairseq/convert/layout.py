"""The files in a model's folder as fairseq's hub interface reads them, besides model.pt."""

from collections.abc import Sequence
from pathlib import Path

from ..checkpoint_files import DICTIONARY
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
