"""Checkpoints that fairseq alone can load: RoBERTa's, of plain data."""

import argparse
from pathlib import Path
from typing import Any

import torch
from fairseq.dataclass.configs import FairseqConfig
from fairseq.models.roberta import RobertaModel
from fairseq.tasks.masked_lm import MaskedLMConfig
from omegaconf import OmegaConf
from torch import Tensor

from ..atomic_io import atomic_folder
from ..checkpoint import LoadedModel
from ..checkpoint_files import CHECKPOINT, DICTIONARY, copy_tokenizer
from ..errors import InputError
from .parameter_names import classifier_names, encoder_names, first_of, lm_head_names

ARCH = "roberta_base"  # with the sizes as options
_NAMES = ("_name", "arch")
_VERSION = "encoder.sentence_encoder.version"  # of the names in fairseq's encoder


def export_roberta(loaded: LoadedModel, dest: Path) -> None:
    """Write model.pt, dictionaries and tokenizer for fairseq's hub interface and tasks.

    Args:
        loaded: an encoder, which becomes one of masked_lm, or a classifier.
        dest: the folder to make.

    Raises:
        InputError: if it has parameters that RoBERTa does not.
    """
    weights = roberta_weights(loaded)
    task = None
    if loaded.is_classifier:
        task = {**plain_options(loaded.cfg.task), "data": ""}
    write_folder(loaded, roberta_state(weights, plain_options(loaded.model.args), task), dest)


def write_folder(loaded: LoadedModel, state: dict[str, Any], dest: Path) -> None:
    """Write a state as model.pt, with the dictionaries and the tokenizer of the model.

    Args:
        loaded: the model.
        state: what is saved of it.
        dest: the folder to make.
    """
    with atomic_folder(dest) as folder:
        with (folder / CHECKPOINT).open("wb") as file:  # given a path, torch hides a full disk
            torch.save(state, file)
        copy_tokenizer(folder, loaded.tokenizer.config)
        loaded.dictionary.save(folder / DICTIONARY)
        if loaded.is_classifier:  # as fairseq's sentence_prediction looks for them
            (folder / "input0").mkdir()
            loaded.dictionary.save(folder / "input0" / DICTIONARY)
            (folder / "label").mkdir()
            loaded.task.label_dictionary.save(str(folder / "label" / DICTIONARY))


def plain_options(options: Any) -> dict[str, Any]:
    """Options as plain data: a configuration, or the arguments of a legacy model."""
    if OmegaConf.is_config(options):
        return OmegaConf.to_container(options, resolve=True, enum_to_str=True)
    return vars(options)


def roberta_weights(loaded: LoadedModel) -> dict[str, Tensor]:
    """The parameters that RoBERTa has, by fairseq's names.

    Raises:
        InputError: if some are missing, or some are there that neither RoBERTa nor CLINE has.
    """
    weights = loaded.model.state_dict()
    names = {*encoder_names(loaded.model.args.encoder_layers), *lm_head_names(), _VERSION}
    if loaded.is_classifier:
        names |= classifier_names(loaded.task.cfg.classification_head_name).keys()
    ours = {name for name in weights if ".rtd_head." in name}
    odd = names ^ (weights.keys() - ours)
    if odd:
        raise InputError(
            f"the model is no plain RoBERTa ({first_of(odd)}): fairseq could not load it as one"
        )
    return {name: weight for name, weight in weights.items() if name in names}


def roberta_state(
    weights: dict[str, Tensor],
    options: dict[str, Any],
    task: dict[str, Any] | None = None,
    arch: str = ARCH,
) -> dict[str, Any]:
    """What fairseq-train would save of a RoBERTa before its first update.

    It holds plain data alone, which torch loads without being told of any class.

    Args:
        weights: by fairseq's names.
        options: of the architecture; those that RoBERTa does not know are left out.
        task: its configuration; that of masked_lm without.
        arch: the architecture, whose sizes are among the options.
    """
    parser = argparse.ArgumentParser(add_help=False)
    RobertaModel.add_args(parser)
    known = {action.dest for action in parser._actions} | {"sentence_vector"}
    model = {name: value for name, value in options.items() if name in known}
    cfg = OmegaConf.to_container(OmegaConf.structured(FairseqConfig()), enum_to_str=True)
    masked_lm = OmegaConf.to_container(OmegaConf.structured(MaskedLMConfig()), enum_to_str=True)
    masked_lm |= {"_name": "masked_lm", "data": "", "tokens_per_sample": options["max_positions"]}
    cfg["task"] = task or masked_lm
    cfg["model"] = {**model, **dict.fromkeys(_NAMES, arch)}
    history = {
        "criterion_name": "MaskedLmLoss",
        "optimizer_name": "FairseqAdam",
        "lr_scheduler_state": {},
        "num_updates": 0,
    }
    return {
        "args": None,
        "cfg": _plain(cfg),
        "model": {_VERSION: torch.Tensor([3]), **weights},
        "criterion": None,
        "optimizer_history": [history],
        "task_state": {},
        "extra_state": {"epoch": 1},
    }


def _plain(options):
    """Without what is missing or refers to other groups: the defaults stand for it."""
    return {
        name: _plain(value) if isinstance(value, dict) else value
        for name, value in options.items()
        if not (isinstance(value, str) and (value == "???" or value.startswith("${")))
    }
