"""Read the parameters in a Hugging Face folder, with fairseq's names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..atomic_io import is_plain_name
from ..dictionary import FIRST_POSITION
from ..errors import InputError, MissingFileError
from ..models.pooler import POOLER
from ..safe_load import safe_load
from . import bert
from .json_files import read_json
from .parameter_names import (
    DECODER_BIAS,
    DECODER_WEIGHT,
    LM_HEAD_BIAS,
    NAMES,
    POSITION_EMBEDDINGS,
    TYPE_EMBEDDINGS,
    WORD_EMBEDDINGS,
    encoder_names,
    first_of,
    in_order,
    is_other_head,
    lm_head_names,
)

_KINDS = ("model.safetensors", "pytorch_model.bin")
_RTD_PREFIX = "rtd_head."
_STD = 0.02  # standard deviation of RoBERTa's initial matrices
_SEED = 1
# The first pattern found in a name counts. V: symbols, C: width, F: FFN width, P: positions.
_SHAPES = {
    r"word_embeddings|decoder\.weight": "VC",
    r"position_embeddings": "PC",
    r"lm_head\.bias": "V",
    r"(?i)layer_?norm": "C",
    r"intermediate\.dense\.weight": "FC",
    r"intermediate\.dense\.bias": "F",
    r"\d\.output\.dense\.weight": "CF",
    r"out_proj\.weight": "1C",
    r"out_proj\.bias": "1",
    r"weight": "CC",
    r"bias": "C",
}
_RTD_HEAD = [
    f"{module}.{kind}"
    for module in ("dense", "layer_norm", "out_proj")
    for kind in ("weight", "bias")
]
_POOLER = [f"{POOLER}dense.{kind}" for kind in ("weight", "bias")]
_PLAIN_RTD_HEAD = [name for name in _RTD_HEAD if "layer_norm" not in name]


class ImportedWeights(NamedTuple):
    """A model's parameters.

    Attributes:
        weights: parameters of the encoder and the LM head, by fairseq's names, in the dtype of
            their file.
        notes: what was left out or added, for the user.
        rtd_head: the parameters of ELECTRA's head, with our names; empty without one.
        pooler: the parameters of BERT's pooler, as in a checkpoint; empty without one.
    """

    weights: dict[str, Tensor]
    notes: list[str]
    rtd_head: dict[str, Tensor]
    pooler: dict[str, Tensor]


def read_weights(
    folder: Path,
    options: dict[str, Any],
    num_symbols: int,
    kind: str = "roberta",
    rows: Sequence[int] = (),
) -> ImportedWeights:
    """Read the parameters of a RoBERTa, or of a model that can be one.

    Args:
        folder: the folder with model.safetensors or pytorch_model.bin, whole or in parts.
        options: fairseq's options for the model.
        num_symbols: number of rows of the embedding matrix.
        kind: the model_type in config.json.
        rows: for each symbol, its row in Hugging Face's vocabulary; empty if they are the same.

    Raises:
        MissingFileError: if the files do not exist.
        InputError: if a file is broken or contains other things than tensors, or if tensors are
            missing, unknown or of unexpected shape.
    """
    tensors = _read(folder)
    heads: list[str] = []
    if kind in bert.MODEL_TYPES:
        tensors, heads = bert.as_roberta_tensors(kind, tensors)
    pooler = _pop(tensors, POOLER) if kind == "bert" else {}
    if pooler:
        _require(folder, pooler, _POOLER, options, 0, kind)
    tensors = {_full_name(name): tensor for name, tensor in tensors.items()}
    tensors = in_order(tensors, rows)
    heads += [name for name in tensors if is_other_head(name)]
    notes = [f"left out: {first_of(heads)} (heads of other tasks)"] if heads else []
    for name in [*heads, *(name for name in tensors if name.endswith(".position_ids"))]:
        tensors.pop(name, None)
    rtd_head = _pop(tensors, _RTD_PREFIX)
    if rtd_head:
        rtd_head = {name.removeprefix(_RTD_PREFIX): t for name, t in rtd_head.items()}
        rtd_head = _checked_rtd_head(folder, rtd_head, options, kind)
    types = tensors.pop(TYPE_EMBEDDINGS, None)
    if DECODER_BIAS in tensors:
        bias = tensors.pop(DECODER_BIAS)
        if not torch.equal(tensors.setdefault(LM_HEAD_BIAS, bias), bias):
            raise InputError(f"{folder} has two different biases for its LM head")
    if not any(name.startswith("lm_head.") for name in tensors):
        tensors |= _new_lm_head(num_symbols, options["encoder_embed_dim"])
        notes.append("the model has no LM head: it is initialized at random")
    if not options["untie_weights_roberta"] and WORD_EMBEDDINGS in tensors:
        tensors[DECODER_WEIGHT] = tensors[WORD_EMBEDDINGS]  # like transformers
    names = encoder_names(options["encoder_layers"]) | lm_head_names()
    _require(folder, tensors, names.values(), options, num_symbols, kind)
    if types is not None:
        _require_types(folder, types, options["encoder_embed_dim"])
        if types[0].any():
            # All tokens are of type 0 and have a position. In fp32, because half would round.
            positions = tensors[POSITION_EMBEDDINGS].float()
            positions[FIRST_POSITION:] += types[0].float()
            tensors[POSITION_EMBEDDINGS] = positions
            notes.append("the embedding of token type 0 was added to the position embeddings")
    weights = {ours: tensors[theirs] for ours, theirs in names.items()}
    if pooler:
        notes.append("the pooler is kept: classifiers that start from the model begin with it")
    return ImportedWeights(weights, notes, rtd_head, pooler)


def read_rtd_head(path: Path, options: dict[str, Any]) -> dict[str, Tensor]:
    """Read an RTD head that cline-fairseq export-hf wrote.

    Args:
        path: the file rtd_head.safetensors.
        options: fairseq's options for the model.

    Raises:
        InputError: if it is not an RTD head, or if its size does not fit the model.
    """
    return _checked_rtd_head(path, _load_safetensors(path), options)


def _pop(tensors, prefix):
    """Take out the tensors whose names begin with a prefix."""
    return {name: tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}


def _checked_rtd_head(source, tensors, options, kind="roberta"):
    """An RTD head, which may lack the layer norm, as ELECTRA's."""
    is_plain = not any("layer_norm" in name for name in tensors)
    names = _PLAIN_RTD_HEAD if is_plain else _RTD_HEAD
    _require(source, tensors, names, options, 0, kind, _RTD_PREFIX)
    return tensors


def _read(folder):
    for name in _KINDS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            paths = [folder / name]
        elif index.is_file():
            parts = read_json(index).get("weight_map")
            if not isinstance(parts, dict) or not parts:
                raise InputError(f"{index} names no files (weight_map)")
            paths = [folder / _plain(index, part) for part in sorted(set(map(str, parts.values())))]
        else:
            continue
        tensors = {}
        for path in paths:
            if not path.is_file():
                raise MissingFileError(f"no {path}, which {index} names")
            tensors |= _load_safetensors(path) if path.suffix == ".safetensors" else _load(path)
        return tensors
    raise MissingFileError(f"no parameters in {folder}: it needs {' or '.join(_KINDS)}")


def _plain(index, name):
    """A name that an index gives, which must be that of a file in the same folder."""
    if not is_plain_name(name):
        raise InputError(f"{index} names {name!r}, which is not a file in its folder")
    return name


def _load_safetensors(path):
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a safetensors file: {error}") from error


def _load(path):
    try:
        tensors = safe_load(path, map_location="cpu")
    except InputError as error:
        raise InputError(f"{error}, or use the model as safetensors") from error
    except Exception as error:  # a broken file may raise any exception
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path} is broken ({reason}): download it again, or use the model as safetensors"
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise InputError(f"{path} does not hold a model's tensors by name")
    return tensors


def _full_name(name):
    """Add the prefix that a bare encoder lacks, and rename layer norms of early versions."""
    name = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", name)
    name = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", name)
    return f"roberta.{name}" if name.startswith(("embeddings.", "encoder.", "pooler.")) else name


def _new_lm_head(num_symbols, dim):
    generator = torch.Generator().manual_seed(_SEED)
    return {
        "lm_head.dense.weight": torch.randn(dim, dim, generator=generator) * _STD,
        "lm_head.dense.bias": torch.zeros(dim),
        "lm_head.layer_norm.weight": torch.ones(dim),
        "lm_head.layer_norm.bias": torch.zeros(dim),
        LM_HEAD_BIAS: torch.zeros(num_symbols),
    }


def _require(source, tensors, names, options, num_symbols, kind="roberta", prefix=""):
    """Make sure that these are exactly the tensors of a model.

    Args:
        source: the file or folder, for error messages.
        tensors: by the names of RoBERTa.
        names: of the tensors that are needed.
        options: fairseq's options for the model.
        num_symbols: number of rows of the embedding matrix.
        kind: the model_type, whose own names the messages have.
        prefix: what is left out at the beginning of the names.
    """

    def own(found):
        if kind in bert.MODEL_TYPES:
            found = {bert.name_in(kind, prefix + name) for name in found}
        return first_of(found)

    missing, extra = set(names) - tensors.keys(), tensors.keys() - set(names)
    if missing:
        raise InputError(f"{source} lacks tensors of {NAMES[kind]}: {own(missing)}")
    if extra:
        raise InputError(f"{source} has tensors that {NAMES[kind]} does not have: {own(extra)}")
    sizes = {
        "V": num_symbols,
        "C": options["encoder_embed_dim"],
        "F": options["encoder_ffn_embed_dim"],
        "P": options["max_positions"] + FIRST_POSITION,
        "1": 1,
    }
    for name, tensor in tensors.items():
        letters = next(shape for pattern, shape in _SHAPES.items() if re.search(pattern, name))
        expected = tuple(sizes[letter] for letter in letters)
        if tensor.shape != expected:
            raise InputError(
                f"{own([name])} in {source} has the shape {tuple(tensor.shape)}, but config.json "
                f"implies {expected}"
            )
        if not tensor.is_floating_point():
            raise InputError(
                f"{own([name])} in {source} is {tensor.dtype}, and must be floating-point"
            )


def _require_types(folder, types, dim):
    if types.dim() != 2 or types.shape[0] < 1 or types.shape[1] != dim:
        raise InputError(
            f"{TYPE_EMBEDDINGS} in {folder} has the shape {tuple(types.shape)}, and must have "
            f"(types, {dim})"
        )
