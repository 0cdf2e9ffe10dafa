"""A RoBERTa of Hugging Face as a folder that fairseq trains from."""

from pathlib import Path
from typing import NamedTuple

import torch

from ..atomic_io import atomic_folder
from ..checkpoint_files import CHECKPOINT
from ..errors import InputError, MissingFileError
from .configs import from_hf_config, num_tokens
from .hf_tokenizers import read_json, read_tokenizer, require_same_as_fast
from .hf_weights import read_rtd_head, read_weights
from .layout import RTD_HEAD, write_symbols
from .roberta import ARCH, roberta_state

_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]  # of a model on the hub
_PICKLES = ["pytorch_model*.bin"]


class Imported(NamedTuple):
    """What was written."""

    bpe: str  # fairseq's name of the tokenizer
    num_layers: int
    dim: int
    num_symbols: int
    notes: list[str]  # what was left out or made, in sentences


def import_hf(folder: Path, dest: Path) -> Imported:
    """Write model.pt, dict.txt and the files of the tokenizer.

    Args:
        folder: of a model of RoBERTa's architecture, with config.json, tokenizer and parameters.
            An RTD head that cline-fairseq export-hf put there comes along.
        dest: the folder to make.

    Raises:
        MissingFileError: if a file is missing.
        InputError: if the model is of another architecture, if fairseq could not do the same with
            it, or if its parts do not fit each other. Nothing is written then.
    """
    config = read_json(folder / "config.json")
    options, num_symbols = from_hf_config(config), num_tokens(config)
    tokenizer = read_tokenizer(folder)
    if len(tokenizer.symbols) != num_symbols:
        raise InputError(
            f"the tokenizer in {folder} has {len(tokenizer.symbols):,} tokens, and the model's "
            f"embeddings have {num_symbols:,} rows: they must be of one size, so that each row is "
            "a symbol of the dictionary"
        )
    weights, notes = read_weights(folder, options, num_symbols)
    arch = ARCH
    if (folder / RTD_HEAD).is_file():
        head = read_rtd_head(folder / RTD_HEAD, options)
        weights |= {f"encoder.rtd_head.{name}": tensor for name, tensor in head.items()}
        arch = "cline_base"
    with atomic_folder(dest) as part:
        write_symbols(part, tokenizer.symbols)
        tokenizer.save(part)
        require_same_as_fast(folder, part)
        with (part / CHECKPOINT).open("wb") as file:  # given a path, torch hides a full disk
            torch.save(roberta_state(weights, options, arch=arch), file)
    return Imported(
        tokenizer.bpe, options["encoder_layers"], options["encoder_embed_dim"], num_symbols, notes
    )


def model_folder(name: str) -> Path:
    """The folder of a model: a path, or a name on Hugging Face's hub, which is then fetched.

    Raises:
        MissingFileError: if there is no such folder, and the hub does not give one.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        if name and Path(name).is_dir():
            return Path(name)
        folder = Path(snapshot_download(name, allow_patterns=_FILES))
        if not any(folder.glob("*.safetensors")):
            snapshot_download(name, allow_patterns=_PICKLES)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise MissingFileError(
            f"there is no folder {name!r}, and Hugging Face's hub does not give a model of that "
            f"name ({type(error).__name__}): give a folder, or check the name and the network"
        ) from error
    return folder
