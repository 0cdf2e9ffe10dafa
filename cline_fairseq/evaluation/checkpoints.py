"""What a checkpoint says of its model, so that fairseq can build the same one to fine-tune it."""

from pathlib import Path
from typing import Any, NamedTuple

from fairseq import checkpoint_utils
from fairseq.models import ARCH_MODEL_REGISTRY
from torch import Tensor

from .. import compat  # noqa: F401  lets torch load what fairseq saves
from ..errors import InputError
from ..models.cline import ClineModel
from ..models.from_checkpoint import encoder_weights, plain_errors, read_saved_model

_NOT_OPTIONS = ("max_positions", "sentence_vector")  # the first is the task's, the second CLINE's
_PRENORM = "roberta_prenorm"


class ModelDescription(NamedTuple):
    """A model of RoBERTa's kind, of any size.

    Attributes:
        options: of fairseq-train, that give RoBERTa's architectures the sizes of the model; CLINE's
            take them by themselves.
        num_symbols: rows of the table of embeddings: the dictionary with ``<mask>``.
        max_positions: tokens of the longest text.
        width: of the hidden states.
    """

    options: list[str]
    num_symbols: int
    max_positions: int
    width: int


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
    saved = read_saved_model(path)
    options = []
    if ARCH_MODEL_REGISTRY.get(arch) is not ClineModel:
        options = _as_options(saved.sizes)
        if not saved.sizes["layernorm_embedding"] and arch != _PRENORM:
            raise InputError(
                f"{path} has no layer norm after its embeddings, which {arch} cannot leave out: "
                f"give --arch {_PRENORM}, or an architecture of CLINE"
            )
    sizes = saved.sizes
    return ModelDescription(
        options, saved.num_symbols, sizes["max_positions"], sizes["encoder_embed_dim"]
    )


def _as_options(sizes):
    options = []
    for name, value in sizes.items():
        if name not in _NOT_OPTIONS and value is not False:
            options.append(f"--{name.replace('_', '-')}")
            options += [] if value is True else [str(value)]
    return options


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What fairseq saved, on the CPU.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no checkpoint, or is not safe to load.
    """
    with plain_errors(path):
        state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
        state["cfg"]["model"], state["model"]
    return state


def num_symbols(path: Path, weights: dict[str, Tensor]) -> int:
    """Rows of the table of embeddings: the dictionary with ``<mask>``.

    Args:
        path: the checkpoint.
        weights: its model.

    Raises:
        InputError: if it is no CLINE or RoBERTa model.
    """
    return len(encoder_weights(path, weights)["sentence_encoder.embed_tokens.weight"])
