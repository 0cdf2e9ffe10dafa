"""Loading a model with all that it needs to read text: task, dictionary and tokenizer."""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from fairseq import checkpoint_utils
from fairseq.models.roberta import RobertaModel
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig

from ..corpus.encoders import Indexer, build_encoder
from ..corpus.symbols import Symbols
from ..dictionary import SPECIAL, is_special
from ..errors import InputError
from ..options import MASK, SUPPORTED, subwords_config
from ..recorded import Record, checkpoint_file, dictionary_path, find_files
from .checkpoints import num_symbols, read_checkpoint
from .prediction import label_names


class LoadedModel(NamedTuple):
    """A model of RoBERTa's kind, on the CPU, in fp32, ready to predict.

    Attributes:
        model: of CLINE, or of RoBERTa.
        task: that trained it.
        cfg: of the run that trained it.
        num_updates: of that run; 0 if the checkpoint does not say.
        symbols: its dictionary, as the file has it.
        subwords: fairseq's configuration of its tokenizer.
        indexer: of both.
        is_classifier: whether it is one of fairseq's sentence_prediction.
        labels: names of the classes, in the order of the head's columns; empty of a regression
            and of an encoder.
        has_rtd_head: whether the checkpoint holds an RTD head.
    """

    model: RobertaModel
    task: FairseqTask
    cfg: DictConfig
    num_updates: int
    symbols: Symbols
    subwords: dict[str, Any]
    indexer: Indexer
    is_classifier: bool
    labels: list[str]
    has_rtd_head: bool


def load_model(
    path: Path, data: Path | None = None, tokenizer: argparse.Namespace | None = None
) -> LoadedModel:
    """Load a checkpoint.

    Args:
        path: a checkpoint of fairseq's sentence_prediction, for a classifier; or one of CLINE or
            masked_lm, with any architecture of CLINE or RoBERTa, for an encoder. A folder stands
            for the model.pt, checkpoint_best.pt or checkpoint_last.pt in it.
        data: the folder with input0/dict.txt and label/dict.txt, as scripts/glue_preprocess.py
            writes it; for an encoder also the folder with the dict.txt of its corpus. By default
            it is found, see :func:`~cline_fairseq.recorded.find_files`.
        tokenizer: the options of :func:`~cline_fairseq.options.add_subwords_options`; those that
            are None are found, too.

    Raises:
        MissingFileError: if the checkpoint, its dictionary or its tokenizer cannot be found.
        InputError: if something is no checkpoint, no tokenizer or no dictionary, or if they do
            not fit each other.
    """
    path = checkpoint_file(path)
    state = read_checkpoint(path)
    record = Record.of(state["cfg"])
    data, tokenizer = find_files(path, record, data, tokenizer)
    if tokenizer.bpe not in SUPPORTED:
        raise InputError(
            f"--bpe must be one of {', '.join(SUPPORTED)}, not {tokenizer.bpe!r}: give the "
            f"tokenizer of {path}"
        )
    subwords = subwords_config(tokenizer)
    has_rtd_head = any(".rtd_head." in name for name in state["model"])
    is_classifier = record.is_classifier
    symbols, folder = _dictionary(path, data, state, is_classifier)
    indexer = _indexer(dictionary_path(data, is_classifier), symbols, subwords)
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
        symbols,
        subwords,
        indexer,
        is_classifier,
        labels,
        has_rtd_head,
    )


def _indexer(dictionary, symbols, subwords):
    """The indexer of tokenizer and dictionary.

    Raises:
        InputError: if they do not fit each other; it names both, as either may have been found
            rather than given.
    """
    encoder = build_encoder(subwords)
    try:
        return Indexer(encoder, symbols)
    except InputError as error:
        files = [value for name, value in subwords.items() if name != "_name" and value]
        raise InputError(f"{dictionary} with {', '.join(files)}: {error}") from error


def _dictionary(path, data, state, is_classifier):
    """The dictionary of the texts, and the folder in which the task of the model finds it.

    Raises:
        MissingFileError: if there is none.
        InputError: if the model was trained with another one.
    """
    dictionary = dictionary_path(data, is_classifier)
    symbols = Symbols(dictionary)
    size, expected = len(symbols), num_symbols(path, state["model"])
    size += MASK not in symbols.symbols
    if size != expected:
        raise InputError(
            f"{dictionary} has {size:,} symbols, and {path} was trained with "
            f"{expected:,}: give the folder with the dictionary of the checkpoint (--data)"
        )
    if is_classifier and not getattr(state["cfg"]["task"], "regression_target", False):
        Symbols(data / "label" / "dict.txt")  # says so where it is missing
    return symbols, data if is_classifier else dictionary.parent


def _labels(path, data, task):
    """The labels by column.

    Raises:
        InputError: if the data are those of another task.
    """
    labels = [
        label
        for label in Symbols(data / "label" / "dict.txt").symbols[len(SPECIAL) :]
        if not is_special(label)
    ]
    if len(labels) != task.cfg.num_classes:
        raise InputError(
            f"{data} has the labels {', '.join(labels)}, and {path} was trained on "
            f"{task.cfg.num_classes} classes: give the folder of the task that it was trained on"
        )
    return label_names(task, np.arange(len(labels)))
