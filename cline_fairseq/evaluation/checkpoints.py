"""What a checkpoint says of its model, so that fairseq can build the same one to fine-tune it."""

import pickle
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from fairseq import checkpoint_utils
from torch import Tensor

from .. import compat  # noqa: F401  lets torch load what fairseq saves
from ..errors import InputError, MissingFileError

_SIZES = (
    "encoder_layers",
    "encoder_embed_dim",
    "encoder_ffn_embed_dim",
    "encoder_attention_heads",
)
_NAMES = ("activation_fn", "pooler_activation_fn")
_SWITCHES = ("encoder_normalize_before", "untie_weights_roberta")
_BEFORE_POSITIONS = 2  # rows of the table of positions: RoBERTa's positions begin behind <pad>
_PRENORM = "roberta_prenorm"


class ModelDescription(NamedTuple):
    """A model of RoBERTa's kind, of any size.

    Attributes:
        options: of fairseq-train, that build it with any architecture of CLINE or RoBERTa.
        num_symbols: rows of the table of embeddings: the dictionary with ``<mask>``.
        max_positions: tokens of the longest text.
    """

    options: list[str]
    num_symbols: int
    max_positions: int


def describe_model(path: Path, arch: str) -> ModelDescription:
    """Read what model a checkpoint holds.

    Args:
        path: a checkpoint of CLINE, of RoBERTa as published or trained with fairseq, or of a
            classifier that was made from one.
        arch: the architecture to build it with.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no such checkpoint, or does not fit the architecture.
    """
    state = read_checkpoint(path)
    model, weights = state["cfg"]["model"], state["model"]
    options = []
    for name in _SIZES + _NAMES:
        value = getattr(model, name, None)
        if value is None and name in _SIZES:
            raise InputError(
                f"{path} does not say its {name}, so it is no CLINE or RoBERTa model: give the "
                ".pt file of one"
            )
        if value is not None:
            options += [_option(name), str(value)]
    options += [_option(name) for name in _SWITCHES if getattr(model, name, False)]
    if getattr(model, "layernorm_embedding", True) is False and arch != _PRENORM:
        raise InputError(
            f"{path} has no layer norm behind its embeddings, which {arch} cannot leave out: give "
            f"--arch {_PRENORM}"
        )
    return ModelDescription(
        options,
        num_symbols(path, weights),
        _rows(path, weights, "embed_positions.weight") - _BEFORE_POSITIONS,
    )


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What fairseq saved, on the CPU.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no checkpoint, or is not safe to load.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no checkpoint {path}: give the .pt file of a CLINE or RoBERTa model"
        )
    try:
        state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
        state["cfg"]["model"], state["model"]
    except InputError:
        raise  # not safe to load
    except (
        *(AttributeError, EOFError, KeyError, OSError, RuntimeError, TypeError, ValueError),
        *(pickle.UnpicklingError, zipfile.BadZipFile),
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is no checkpoint of fairseq ({type(error).__name__}: {reason}): give the .pt "
            "file of a CLINE or RoBERTa model"
        ) from error
    return state


def num_symbols(path: Path, weights: dict[str, Tensor]) -> int:
    """Rows of the table of embeddings: the dictionary with ``<mask>``.

    Args:
        path: the checkpoint.
        weights: its model.

    Raises:
        InputError: if it is no CLINE or RoBERTa model.
    """
    return _rows(path, weights, "embed_tokens.weight")


def _option(name):
    return f"--{name.replace('_', '-')}"


def _rows(path, weights, name):
    for prefix in ("encoder", "decoder"):  # as fairseq names it, and as it did at first
        if (key := f"{prefix}.sentence_encoder.{name}") in weights:
            return len(weights[key])
    raise InputError(
        f"{path} has no {name}, so it is no CLINE or RoBERTa model: give the .pt file of one"
    )
