"""Export plain RoBERTa checkpoints, which fairseq can load without this package."""

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
from ..models.config import LAYER_NORM_EPS, OPTIONS_OF_CLINE
from .parameter_names import classifier_names, encoder_names, first_of, lm_head_names

ARCH = "roberta_base"  # its sizes are set as options
_NAMES = ("_name", "arch")
_VERSION = "encoder.sentence_encoder.version"  # of the parameter names in fairseq's encoder


def export_roberta(loaded: LoadedModel, dest: Path) -> None:
    """Write model.pt, dictionaries and tokenizer for fairseq's hub interface and tasks.

    Args:
        loaded: a classifier, or an encoder, which is exported as a model of masked_lm.
        dest: the folder to create.

    Raises:
        InputError: if the model has parameters that RoBERTa does not, or layer norms with another
            epsilon than fairseq's RoBERTa.
    """
    weights = roberta_weights(loaded)
    eps = getattr(loaded.model.args, "layer_norm_eps", LAYER_NORM_EPS)
    if eps != LAYER_NORM_EPS:
        raise InputError(
            f"the model has layer norms with epsilon {eps:g}, like BERT, and fairseq's RoBERTa has "
            f"{LAYER_NORM_EPS:g}: export it with cline-fairseq export-cline or export-hf"
        )
    task = None
    if loaded.is_classifier:
        task = {**plain_options(loaded.cfg.task), "data": ""}
    write_folder(loaded, roberta_state(weights, plain_options(loaded.model.args), task), dest)


def write_folder(loaded: LoadedModel, state: dict[str, Any], dest: Path) -> None:
    """Write model.pt, and the model's dictionaries and tokenizer.

    Args:
        loaded: the model.
        state: the content of model.pt.
        dest: the folder to create.
    """
    with atomic_folder(dest) as folder:
        save_state(folder, state)
        copy_tokenizer(folder, loaded.tokenizer.config)
        loaded.dictionary.save(folder / DICTIONARY)
        if loaded.is_classifier:  # as fairseq's sentence_prediction looks for them
            (folder / "input0").mkdir()
            loaded.dictionary.save(folder / "input0" / DICTIONARY)
            (folder / "label").mkdir()
            loaded.task.label_dictionary.save(str(folder / "label" / DICTIONARY))


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write the model.pt of a folder.

    Args:
        folder: the folder.
        state: the content, see :func:`roberta_state`.
    """
    with (folder / CHECKPOINT).open("wb") as file:  # with a path, torch would hide a full disk
        torch.save(state, file)


def plain_options(options: Any) -> dict[str, Any]:
    """Convert options to plain data: a configuration, or the namespace of a legacy model."""
    if OmegaConf.is_config(options):
        return _to_dict(options, resolve=True)
    return vars(options)


def roberta_weights(loaded: LoadedModel) -> dict[str, Tensor]:
    """The parameters of plain RoBERTa, by fairseq's names.

    Raises:
        InputError: if some are missing, or if the model has parameters that neither RoBERTa nor
            CLINE has.
    """
    weights = loaded.model.state_dict()
    names = {*encoder_names(loaded.model.args.encoder_layers), *lm_head_names(), _VERSION}
    if loaded.is_classifier:
        names |= classifier_names(loaded.task.cfg.classification_head_name).keys()
    ours = {name for name in weights if ".rtd_head." in name}
    odd = names ^ (weights.keys() - ours)
    if odd:
        raise InputError(
            f"the model is not a plain RoBERTa ({first_of(odd)}): fairseq could not load it as one"
        )
    return {name: weight for name, weight in weights.items() if name in names}


def roberta_state(
    weights: dict[str, Tensor],
    options: dict[str, Any],
    task: dict[str, Any] | None = None,
    arch: str = ARCH,
) -> dict[str, Any]:
    """Build what fairseq-train would save for a RoBERTa before its first update.

    The state contains only plain data, which torch loads with weights_only.

    Args:
        weights: the parameters, by fairseq's names.
        options: the model's options, including its sizes; options that RoBERTa does not have are
            left out.
        task: the task's configuration (default: masked_lm).
        arch: the architecture.
    """
    parser = argparse.ArgumentParser(add_help=False)
    RobertaModel.add_args(parser)
    known = {action.dest for action in parser._actions} | OPTIONS_OF_CLINE
    model = {name: value for name, value in options.items() if name in known}
    cfg = _to_dict(OmegaConf.structured(FairseqConfig()))
    masked_lm = _to_dict(OmegaConf.structured(MaskedLMConfig()))
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


def _to_dict(config: Any, resolve: bool = False) -> Any:
    return OmegaConf.to_container(config, resolve=resolve, enum_to_str=True)


def _plain(options):
    """Leave out values that are missing or refer to other groups, so they get their defaults."""
    return {
        name: _plain(value) if isinstance(value, dict) else value
        for name, value in options.items()
        if not (isinstance(value, str) and (value == "???" or value.startswith("${")))
    }
