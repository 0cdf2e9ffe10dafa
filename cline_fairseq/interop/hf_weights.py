"""The parameters in a folder of Hugging Face, by fairseq's names."""

import pickle
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import RobertaConfig, RobertaForMaskedLM

from ..corpus.symbols import SPECIAL
from ..errors import InputError, MissingFileError
from .hf_tokenizers import read_json
from .names import (
    DECODER_BIAS,
    DECODER_WEIGHT,
    LM_HEAD_BIAS,
    POSITION_EMBEDDINGS,
    TYPE_EMBEDDINGS,
    WORD_EMBEDDINGS,
    encoder_names,
    first_of,
    is_other_head,
    lm_head_names,
)

_KINDS = ("model.safetensors", "pytorch_model.bin")
_FIRST_POSITION = SPECIAL.index("<pad>") + 1
_STD = 0.02  # of RoBERTa's matrices at their beginning
_SEED = 1


class ImportedWeights(NamedTuple):
    """A model's parameters.

    Attributes:
        weights: of the encoder and the LM head, by fairseq's names, in the dtype of their file.
        notes: what was left out or made, in sentences.
    """

    weights: dict[str, Tensor]
    notes: list[str]


def read_weights(folder: Path, config: dict[str, Any]) -> ImportedWeights:
    """Read the parameters of a RoBERTa.

    Args:
        folder: with model.safetensors or pytorch_model.bin, whole or in parts.
        config: of its config.json.

    Raises:
        MissingFileError: if there are no such files.
        InputError: if a file is broken or holds more than tensors, or if tensors are missing, not
            known, or of another shape than the configuration says.
    """
    tensors = {_full_name(name): tensor for name, tensor in _read(folder).items()}
    heads = [name for name in tensors if is_other_head(name)]
    notes = [f"left out: {first_of(heads)} (heads of other tasks)"] if heads else []
    for name in [*heads, *(name for name in tensors if name.endswith(".position_ids"))]:
        del tensors[name]
    encoder = encoder_names(config.get("num_hidden_layers", 12))
    if not any(name.startswith("lm_head.") for name in tensors):
        tensors |= _new_lm_head(tensors.get(WORD_EMBEDDINGS))
        notes.append("the model has no LM head: it begins at random")
    if DECODER_BIAS in tensors:
        bias = tensors.pop(DECODER_BIAS)
        if not torch.equal(tensors.setdefault(LM_HEAD_BIAS, bias), bias):
            raise InputError(f"{folder} has two biases of its LM head, which are not the same")
    if config.get("tie_word_embeddings", True) and WORD_EMBEDDINGS in tensors:
        tensors[DECODER_WEIGHT] = tensors[WORD_EMBEDDINGS]  # as transformers do
    types = tensors.pop(TYPE_EMBEDDINGS, None)
    names = {**encoder, **lm_head_names()}
    _require_shapes(folder, tensors, config, {*names.values()})
    if types is not None and types[0].any():
        # All tokens are of type 0, and have a position.
        positions = tensors[POSITION_EMBEDDINGS].clone()
        positions[_FIRST_POSITION:] += types[0].to(positions.dtype)
        tensors[POSITION_EMBEDDINGS] = positions
        notes.append("the embedding of token type 0 was added to those of positions")
    return ImportedWeights({ours: tensors[theirs] for ours, theirs in names.items()}, notes)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        InputError: if it is no file of safetensors.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is no file of safetensors: {error}") from error


def _read(folder):
    for name in _KINDS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            paths = [folder / name]
        elif index.is_file():
            parts = read_json(index).get("weight_map", {})
            paths = [folder / part for part in sorted(set(parts.values()))]
        else:
            continue
        tensors = {}
        for path in paths:
            if not path.is_file():
                raise MissingFileError(f"no {path}, which {index} names")
            tensors |= read_safetensors(path) if path.suffix == ".safetensors" else _load(path)
        return tensors
    raise MissingFileError(f"no parameters in {folder}: it needs {' or '.join(_KINDS)}")


def _load(path):
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is broken, or holds more than tensors, which is not safe to load ({reason}): "
            "ask for the model as safetensors"
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise InputError(f"{path} holds something else than a model's tensors by name")
    return tensors


def _full_name(name):
    """A bare encoder has no prefix."""
    return f"roberta.{name}" if name.startswith(("embeddings.", "encoder.", "pooler.")) else name


def _new_lm_head(embeddings):
    if embeddings is None:
        return {}
    generator = torch.Generator().manual_seed(_SEED)
    symbols, dim = embeddings.shape
    dense = torch.randn(dim, dim, generator=generator) * _STD
    head = {
        "lm_head.dense.weight": dense,
        "lm_head.dense.bias": torch.zeros(dim),
        "lm_head.layer_norm.weight": torch.ones(dim),
        "lm_head.layer_norm.bias": torch.zeros(dim),
        LM_HEAD_BIAS: torch.zeros(symbols),
        DECODER_WEIGHT: embeddings,
    }
    return {name: tensor.to(embeddings.dtype) for name, tensor in head.items()}


def _require_shapes(folder, tensors, config, names):
    missing, extra = names - tensors.keys(), tensors.keys() - names
    if missing:
        raise InputError(f"{folder} lacks tensors of a RoBERTa: {first_of(missing)}")
    if extra:
        raise InputError(f"{folder} has tensors that no RoBERTa has: {first_of(extra)}")
    with torch.device("meta"):
        expected = RobertaForMaskedLM(RobertaConfig.from_dict(config)).state_dict()
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise InputError(
                f"{name} in {folder} is of the shape {tuple(tensor.shape)}, and must be of "
                f"{tuple(expected[name].shape)} by its config.json"
            )
