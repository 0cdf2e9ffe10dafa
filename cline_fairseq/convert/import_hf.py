"""Import a RoBERTa from Hugging Face as a folder that fairseq can train from."""

from pathlib import Path
from typing import NamedTuple

from ..atomic_io import atomic_folder
from ..errors import InputError, MissingFileError
from ..models.config import LAYER_NORM_EPS
from . import bert
from .cline import CLINE_ARCH
from .configs import from_hf_config, num_tokens
from .hf_tokenizers import read_tokenizer, require_same_as_fast
from .hf_weights import read_rtd_head, read_weights
from .json_files import read_json
from .layout import RTD_HEAD, write_symbols
from .roberta import ARCH, roberta_state, save_state
from .sentence_transformers import encoder_folder, read_pooling

_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]  # to download from the hub
_PICKLES = ["pytorch_model*.bin"]


class Imported(NamedTuple):
    """Describes an imported model.

    Attributes:
        bpe: fairseq's name of the tokenizer.
        num_layers: number of layers.
        dim: size of the hidden states.
        num_symbols: number of rows of the embedding matrix.
        max_positions: number of tokens in the longest text that the model reads.
        notes: what was left out or added, for the user.
    """

    bpe: str
    num_layers: int
    dim: int
    num_symbols: int
    max_positions: int
    notes: list[str]


def import_hf(folder: Path, dest: Path) -> Imported:
    """Write model.pt, dict.txt and the files of the tokenizer.

    Args:
        folder: folder of a model with RoBERTa's or BERT's architecture, with config.json, tokenizer
            and parameters; also one of sentence-transformers, whose pooling is kept. An RTD head
            written by cline-fairseq export-hf is imported as well.
        dest: the folder to create.

    Raises:
        MissingFileError: if a file is missing.
        InputError: if the model has another architecture, if it would not compute the same in
            fairseq, or if its parts do not fit each other. Nothing is written then.
    """
    whole, folder = folder, encoder_folder(folder)
    config = read_json(folder / "config.json")
    kind = str(config.get("model_type"))
    if kind in bert.MODEL_TYPES:
        config = bert.as_roberta_config(config)
    options, num_symbols = from_hf_config(config), num_tokens(config)
    pooling = read_pooling(whole, options["max_positions"])
    options |= {"hf_model_type": kind, **pooling.options}
    tokenizer = read_tokenizer(folder, kind)
    if len(tokenizer.symbols) != num_symbols:
        raise InputError(
            f"the tokenizer in {folder} has {len(tokenizer.symbols):,} tokens, and the model's "
            f"embeddings have {num_symbols:,} rows: they must agree, because each row belongs to a "
            "symbol of the dictionary"
        )
    weights, notes, head, pooler = read_weights(folder, options, num_symbols, kind, tokenizer.rows)
    weights |= pooler
    arch = ARCH
    if options["layer_norm_eps"] != LAYER_NORM_EPS or pooler:
        arch = CLINE_ARCH  # fairseq's RoBERTa has no such option, and no pooler
    if (folder / RTD_HEAD).is_file():
        head = read_rtd_head(folder / RTD_HEAD, options)
    if head:
        options["rtd_head_plain"] = not any("layer_norm" in name for name in head)
        weights |= {f"encoder.rtd_head.{name}": tensor for name, tensor in head.items()}
        arch = CLINE_ARCH
    with atomic_folder(dest) as part:
        write_symbols(part, tokenizer.symbols)
        tokenizer.save(part)
        require_same_as_fast(folder, part, tokenizer.rows)
        save_state(part, roberta_state(weights, options, arch=arch))
    return Imported(
        tokenizer.bpe,
        options["encoder_layers"],
        options["encoder_embed_dim"],
        num_symbols,
        options["max_positions"],
        [*notes, *pooling.notes],
    )


def model_folder(name: str) -> Path:
    """The folder of a model, which is downloaded if ``name`` is a name on Hugging Face's hub.

    Raises:
        MissingFileError: if there is neither such a folder nor such a model on the hub.
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
            f"there is no folder {name!r}, and no model of that name could be downloaded from "
            f"Hugging Face's hub ({type(error).__name__}): specify a folder, or check the name and "
            "the network"
        ) from error
    return folder
