"""Loading a checkpoint with all that it needs to read text: task, dictionary and tokenizer."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fairseq import checkpoint_utils
from fairseq.models import ARCH_MODEL_REGISTRY
from fairseq.models.roberta import RobertaModel
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig
from torch import Tensor

from . import compat  # noqa: F401  lets torch load what fairseq saves
from .checkpoint_files import Record, checkpoint_file, dictionary_path, find_files
from .dictionary import MASK, SPECIAL, MismatchError, PlainDictionary, is_special
from .errors import InputError
from .models.cline import ClineModel
from .models.from_checkpoint import encoder_weights, plain_errors, read_saved_model
from .tokenizer import FILES, Tokenizer, TokenizerFiles

_NOT_OPTIONS = ("max_positions", "sentence_vector")  # the first is the task's, the second CLINE's
_PRENORM = "roberta_prenorm"


class LoadedModel(NamedTuple):
    """A model of RoBERTa's kind, on the CPU, in fp32, ready to predict.

    Attributes:
        model: of CLINE, or of RoBERTa.
        task: that trained it.
        cfg: of the run that trained it.
        num_updates: of that run; 0 if the checkpoint does not say.
        dictionary: its dictionary, as the file has it.
        tokenizer: of the texts that it reads.
        is_classifier: whether it is one of fairseq's sentence_prediction.
        labels: names of the classes, in the order of the head's columns; empty of a regression
            and of an encoder.
        has_rtd_head: whether the checkpoint holds an RTD head.
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


def load_model(
    path: Path, data: Path | None = None, files: TokenizerFiles | None = None
) -> LoadedModel:
    """Load a checkpoint.

    Args:
        path: a checkpoint of fairseq's sentence_prediction, for a classifier; or one of CLINE or
            masked_lm, with any architecture of CLINE or RoBERTa, for an encoder. A folder stands
            for the model.pt, checkpoint_best.pt or checkpoint_last.pt in it.
        data: the folder with input0/dict.txt and label/dict.txt, as cline-fairseq glue-preprocess
            writes it; for an encoder also the folder with the dict.txt of its corpus. By default
            it is found, see :func:`~cline_fairseq.checkpoint_files.find_files`.
        files: the tokenizer; what is None is found, too.

    Raises:
        MissingFileError: if the checkpoint, its dictionary or its tokenizer cannot be found.
        InputError: if something is no checkpoint, no tokenizer or no dictionary, or if they do
            not fit each other.
    """
    path = checkpoint_file(path)
    state = read_checkpoint(path)
    record = Record.of(state["cfg"])
    data, files = find_files(path, record, data, files)
    try:
        config = files.config()
    except InputError as error:
        raise InputError(f"{error}: give the tokenizer of {path}") from error
    has_rtd_head = any(".rtd_head." in name for name in state["model"])
    is_classifier = record.is_classifier
    dictionary, folder = _dictionary(path, data, state, is_classifier)
    tokenizer = _tokenizer(dictionary_path(data, is_classifier), dictionary, config)
    state["cfg"]["task"].data = str(folder)  # it may be elsewhere than in training
    state["args"] = None  # where old checkpoints have the same once more
    num_updates = state["optimizer_history"][-1]["num_updates"]
    (model,), cfg, task = checkpoint_utils.load_model_ensemble_and_task([str(path)], state=state)
    if not isinstance(model, RobertaModel):
        raise InputError(f"{path} is no CLINE or RoBERTa model: give the .pt file of one")
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
    )


def _tokenizer(path, dictionary, config):
    """The tokenizer.

    Raises:
        InputError: if a file of the tokenizer cannot be read, or if the dictionary was made for
            another tokenizer; then all files are named, as they may have been found, not given.
    """
    try:
        return Tokenizer(config, dictionary)
    except MismatchError as error:
        files = ", ".join(config[option] for option in FILES[config["_name"]])
        raise InputError(f"{path} with {files}: {error}") from error


def _dictionary(path, data, state, is_classifier):
    """The dictionary of the texts, and the folder in which the task of the model finds it.

    Raises:
        MissingFileError: if there is none.
        InputError: if the model was trained with another one.
    """
    dictionary = dictionary_path(data, is_classifier)
    symbols = PlainDictionary(dictionary)
    size, expected = len(symbols), num_symbols(path, state["model"])
    size += MASK not in symbols.symbols
    if size != expected:
        raise InputError(
            f"{dictionary} has {size:,} symbols, and {path} was trained with "
            f"{expected:,}: give the folder with the dictionary of the checkpoint (--data)"
        )
    if is_classifier and not getattr(state["cfg"]["task"], "regression_target", False):
        PlainDictionary(data / "label" / "dict.txt")  # says so where it is missing
    return symbols, data if is_classifier else dictionary.parent


def _labels(path, data, task):
    """The labels by column.

    Raises:
        InputError: if the data are those of another task.
    """
    labels = [
        label
        for label in PlainDictionary(data / "label" / "dict.txt").symbols[len(SPECIAL) :]
        if not is_special(label)
    ]
    if len(labels) != task.cfg.num_classes:
        raise InputError(
            f"{data} has the labels {', '.join(labels)}, and {path} was trained on "
            f"{task.cfg.num_classes} classes: give the folder of the task that it was trained on"
        )
    return label_names(task, np.arange(len(labels)))


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


def label_names(task: FairseqTask, classes: np.ndarray) -> list[str]:
    """Names of classes, which fairseq numbers by the frequency of their labels.

    Args:
        task: that the model was trained with.
        classes: int64 (N,).
    """
    dictionary = task.label_dictionary
    return [dictionary[dictionary.nspecial + c] for c in classes.tolist()]
