"""Load a checkpoint with everything it needs to read text: task, dictionary and tokenizer."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fairseq import checkpoint_utils
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.models.roberta import RobertaModel
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig
from torch import Tensor

from . import compat  # noqa: F401  lets torch load fairseq's checkpoints
from .checkpoint_files import Record, checkpoint_file, dictionary_path, find_files
from .dictionary import MASK, MismatchError, PlainDictionary
from .errors import InputError
from .models.cline import ClineModel
from .models.config import LAYER_NORM_EPS, OPTIONS_OF_CLINE
from .models.from_checkpoint import encoder_weights, plain_errors, read_saved_model
from .models.pooler import pooler_of
from .tokenizer import FILES, Tokenizer, TokenizerFiles

_NOT_OPTIONS = {"max_positions", *OPTIONS_OF_CLINE}  # the first is one of the task
_PRENORM = "roberta_prenorm"


class LoadedModel(NamedTuple):
    """A CLINE or RoBERTa model on the CPU, in fp32 and eval mode.

    Attributes:
        model: the model.
        task: the task that trained it.
        cfg: the configuration of the run that trained it.
        num_updates: number of updates of that run; 0 if the checkpoint does not record it.
        dictionary: the dictionary, as in its file.
        tokenizer: converts texts to dictionary indices.
        is_classifier: whether it was trained with fairseq's sentence_prediction.
        labels: names of the classes in the order of the head's columns; empty for regression and
            for an encoder.
        has_rtd_head: whether the checkpoint contains an RTD head.
        pooler: dense.weight and dense.bias of the pooler of an imported BERT; empty without one.
    """

    model: RobertaModel
    task: FairseqTask
    cfg: DictConfig
    num_updates: int
    dictionary: PlainDictionary
    tokenizer: Tokenizer
    is_classifier: bool
    labels: list[str]
    has_rtd_head: bool
    pooler: dict[str, Tensor]


def load_model(
    path: Path, data: Path | None = None, files: TokenizerFiles | None = None
) -> LoadedModel:
    """Load a checkpoint.

    Args:
        path: a classifier trained with fairseq's sentence_prediction, or an encoder trained with
            the tasks cline or masked_lm, with any architecture of CLINE or RoBERTa. For a folder,
            its model.pt, checkpoint_best.pt or checkpoint_last.pt is loaded.
        data: the folder with input0/dict.txt and label/dict.txt, as written by cline-fairseq
            glue-preprocess; for an encoder also the folder with the dict.txt of its corpus
            (default: found by :func:`~cline_fairseq.checkpoint_files.find_files`).
        files: the tokenizer; files that are None are found as well.

    Raises:
        MissingFileError: if the checkpoint, its dictionary or its tokenizer cannot be found.
        InputError: if one of the files is invalid, or if they do not fit each other.
    """
    path = checkpoint_file(path)
    state = read_checkpoint(path)
    record = Record.of(state["cfg"])
    data, files = find_files(path, record, data, files)
    try:
        config = files.config()
    except InputError as error:
        raise InputError(f"{error}: specify the tokenizer of {path}") from error
    has_rtd_head = any(".rtd_head." in name for name in state["model"])
    pooler = pooler_of(state["model"])
    is_classifier = record.is_classifier
    dictionary, folder = _dictionary(path, data, state, is_classifier)
    tokenizer = _tokenizer(dictionary_path(data, is_classifier), dictionary, config)
    state["cfg"]["task"].data = str(folder)  # the folder may have moved since training
    state["args"] = None  # old checkpoints store the options here, too
    num_updates = state["optimizer_history"][-1]["num_updates"]
    (model,), cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    if not isinstance(model, RobertaModel):
        raise InputError(f"{path} is not a CLINE or RoBERTa model: specify the .pt file of one")
    labels = []
    if is_classifier and not task.cfg.regression_target:
        labels = _labels(path, data, task)
    return LoadedModel(
        model.float().eval(),
        task,
        cfg,
        num_updates,
        dictionary,
        tokenizer,
        is_classifier,
        labels,
        has_rtd_head,
        pooler,
    )


def _tokenizer(path, dictionary, config):
    """Build the tokenizer.

    Raises:
        InputError: if a file of the tokenizer cannot be read, or if the dictionary was made for
            another tokenizer; the message then names all files, since they may have been found
            rather than specified.
    """
    try:
        return Tokenizer(config, dictionary)
    except MismatchError as error:
        files = ", ".join(config[option] for option in FILES[config["_name"]])
        raise InputError(f"{path} with {files}: {error}") from error


def _dictionary(path, data, state, is_classifier):
    """The dictionary of the texts, and the folder from which the model's task loads it.

    Raises:
        MissingFileError: if it does not exist.
        InputError: if the model was trained with another dictionary.
    """
    dictionary = dictionary_path(data, is_classifier)
    symbols = PlainDictionary(dictionary)
    size, expected = len(symbols), num_symbols(path, state["model"])
    size += MASK not in symbols.symbols
    if size != expected:
        raise InputError(
            f"{dictionary} has {size:,} symbols, and {path} was trained with "
            f"{expected:,}: specify the folder with the dictionary of the checkpoint (--data)"
        )
    if is_classifier and not getattr(state["cfg"]["task"], "regression_target", False):
        PlainDictionary(data / "label" / "dict.txt")  # raises an error if it is missing
    return symbols, data if is_classifier else dictionary.parent


def _labels(path, data, task):
    """The labels in the order of the head's columns.

    Raises:
        InputError: if the data belong to another task.
    """
    labels = PlainDictionary(data / "label" / "dict.txt").text_symbols
    if len(labels) != task.cfg.num_classes:
        raise InputError(
            f"{data} has the labels {', '.join(labels)}, and {path} was trained on "
            f"{task.cfg.num_classes} classes: specify the folder of the task that it was trained on"
        )
    return label_names(task, np.arange(len(labels)))


class ModelDescription(NamedTuple):
    """A CLINE or RoBERTa model.

    Attributes:
        options: options of fairseq-train that set the model's sizes for RoBERTa's architectures;
            CLINE's architectures take the sizes from the checkpoint.
        num_symbols: size of the dictionary including ``<mask>``: rows of the embedding matrix.
        max_positions: maximum number of tokens in a text.
        width: size of the hidden states.
    """

    options: list[str]
    num_symbols: int
    max_positions: int
    width: int


def describe_model(path: Path, arch: str) -> ModelDescription:
    """Describe the model in a checkpoint.

    Args:
        path: a checkpoint of CLINE, of RoBERTa as published or trained with fairseq, or of a
            classifier fine-tuned from one.
        arch: the architecture to build the model with.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not such a checkpoint, or does not fit the architecture.
    """
    saved = read_saved_model(path)
    options = []
    if ARCH_MODEL_REGISTRY.get(arch) is not ClineModel:
        options = _as_options(saved.sizes)
        if saved.sizes.get("layer_norm_eps", LAYER_NORM_EPS) != LAYER_NORM_EPS:
            raise InputError(
                f"{path} has layer norms with epsilon {saved.sizes['layer_norm_eps']:g}, "
                f"like BERT, and {arch} has {LAYER_NORM_EPS:g}: pass an architecture of CLINE"
            )
        if not saved.sizes["layernorm_embedding"] and arch != _PRENORM:
            raise InputError(
                f"{path} has no layer norm after its embeddings, which {arch} cannot leave out: "
                f"use --arch {_PRENORM}, or an architecture of CLINE"
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
    """Load what fairseq saved, on the CPU.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not a checkpoint, or is not safe to load.
    """
    with plain_errors(path):
        state = checkpoint_utils.load_checkpoint_to_cpu(str(path))
        state["cfg"]["model"], state["model"]
    return state


def num_symbols(path: Path, weights: dict[str, Tensor]) -> int:
    """The size of the dictionary including ``<mask>``: the rows of the embedding matrix.

    Args:
        path: the checkpoint, for the error message.
        weights: the parameters of its model.

    Raises:
        InputError: if it is not a CLINE or RoBERTa model.
    """
    return len(encoder_weights(path, weights)["sentence_encoder.embed_tokens.weight"])


def label_names(task: FairseqTask, classes: np.ndarray) -> list[str]:
    """The labels of classes, which fairseq numbers by their frequency.

    Args:
        task: the task that trained the model.
        classes: int64 (N,), columns of the classification head.
    """
    dictionary = task.label_dictionary
    return [dictionary[dictionary.nspecial + c] for c in classes.tolist()]
