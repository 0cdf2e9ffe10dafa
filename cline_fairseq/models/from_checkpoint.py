"""A run that starts from a checkpoint builds the model that the checkpoint holds.

What was typed comes first, then the checkpoint, then the architecture. On the command line, the
architecture is where the three meet: fairseq calls it when the options hold only what was typed.
fairseq-hydra-train calls it too late, see :func:`prepare`.
"""

import errno
import logging
import os
import zipfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from fairseq.models import ARCH_CONFIG_REGISTRY
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from ..errors import InputError, MissingFileError
from ..safe_load import safe_load
from .config import is_filled_in

logger = logging.getLogger(__name__)

HEADS = "encoder_attention_heads"
# With other values, the checkpoint's parameters do not fit or mean something else.
MUST_FIT = (
    *("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", HEADS),
    *("encoder_normalize_before", "layernorm_embedding"),
)
_CHOICES = ("activation_fn", "pooler_activation_fn", "sentence_vector")
_LAST = "checkpoint_last.pt"  # default of --restore-file, in --save-dir
_BEFORE_POSITIONS = 2  # rows of the table of positions: RoBERTa's positions begin after <pad>
_EMBEDDINGS = "sentence_encoder.embed_tokens.weight"


class SavedModel(NamedTuple):
    """What a checkpoint says about its model.

    Attributes:
        arch: the architecture that it was trained with, if the checkpoint records it.
        sizes: values of fairseq's options that build the model with any architecture of CLINE.
        num_symbols: rows of the table of embeddings: the dictionary with ``<mask>``.
    """

    arch: str | None
    sizes: dict[str, Any]
    num_symbols: int


class _Start(NamedTuple):
    """The checkpoint that a run starts from."""

    path: str
    arch_gives_way: bool  # False for the last checkpoint of a run without a pre-trained model


def take_sizes(args: Namespace | DictConfig) -> None:
    """Add to the options of the command line what the checkpoint says and nobody typed.

    For the architecture functions. It does nothing where the options come from elsewhere: from
    fairseq-hydra-train, or from a checkpoint that is being loaded.

    Raises:
        MissingFileError: if the checkpoint to start from does not exist.
        InputError: if it is no checkpoint, or if a typed option does not fit it.
    """
    if isinstance(args, Namespace) and not hasattr(args, "_name"):
        typed = {name: value for name, value in vars(args).items() if value is not None}
        for name, value in _take(args, typed, _on_command_line).items():
            setattr(args, name, value)


def prepare(cfg: Namespace | DictConfig, task: Any) -> None:
    """Make sure that a run's model fits the checkpoint that the run starts from.

    To be called before a run builds its model, but not when a saved model is loaded. Under
    fairseq-hydra-train it takes the sizes, too.

    Raises:
        MissingFileError: if the checkpoint to start from does not exist.
        InputError: if it is no checkpoint, or if the model or the dictionary does not fit it.
    """
    if not is_filled_in(cfg):
        _take_under_hydra(cfg, task)
    ARCH_CONFIG_REGISTRY[cfg._name](cfg)
    start = _find_start(cfg)
    if start is None or not os.path.isfile(start.path):
        return
    saved = read_saved_model(start.path)
    if name := _find_misfit(lambda name: getattr(cfg, name, None), saved):
        raise InputError(
            f"{name} is {getattr(cfg, name)} with the architecture {cfg._name}, but "
            f"{saved.sizes[name]} in {start.path}, where the run would continue: give another "
            "--save-dir, or the architecture and sizes of that run"
        )
    size = len(task.source_dictionary)
    if size != saved.num_symbols:
        raise InputError(
            f"the dictionary of {getattr(task.cfg, 'data', 'the task')} has {size:,} symbols with "
            f"<mask>, but the checkpoint {start.path} was trained with {saved.num_symbols:,}: "
            "binarize the data with the dictionary of the checkpoint (fairseq-preprocess --srcdict)"
        )


def _take_under_hydra(cfg, task):
    typed = {name: value for name, value in cfg.items() if value is not None}
    # sentence_prediction has the limit among its own options, and has given it to the model. By
    # now, a typed value cannot be told from the default.
    default = getattr(OmegaConf.get_type(task.cfg), "max_positions", None)
    is_of_task = default is not None
    if is_of_task and typed.get("max_positions") == default:
        del typed["max_positions"]

    def option(name):
        return f"{'task' if name == 'max_positions' and is_of_task else 'model'}.{name}"

    taken = _take(cfg, typed, option)
    cfg.update(taken)
    if is_of_task and "max_positions" in taken:
        # The first is the running task's, the second is saved.
        task.cfg.max_positions = cfg._get_root().task.max_positions = cfg.max_positions


def _take(cfg, typed: Mapping[str, Any], option: Callable[[str], str]) -> dict[str, Any]:
    """The sizes that the checkpoint gives.

    Args:
        cfg: the options of the model.
        typed: those that were typed.
        option: how to name an option of the model in a message.
    """
    start = _find_start(cfg)
    if start is None:
        return {}
    saved = read_saved_model(start.path)
    if not start.arch_gives_way and saved.arch != _arch(cfg):
        return {}
    if name := _find_misfit(typed.get, saved):
        less = ", or give a smaller number" if name == "max_positions" else ""
        raise InputError(
            f"{option(name)} is {typed[name]}, but the checkpoint {start.path} has "
            f"{saved.sizes[name]}: leave the option out to take the checkpoint's{less}"
        )
    taken = {name: value for name, value in saved.sizes.items() if name not in typed}
    if taken:
        listed = ", ".join(f"{name} {value}" for name, value in taken.items())
        logger.info("sizes from %s: %s", start.path, listed)
    return taken


def _find_misfit(asked: Callable[[str], Any], saved: SavedModel) -> str | None:
    """The first size that does not fit the checkpoint, if there is one.

    A model may have fewer positions than the checkpoint, whose first ones it takes, and an LM head
    of its own, which begins as a copy of the word embeddings.
    """
    for name, own in saved.sizes.items():
        value = asked(name)
        if value is None:
            continue
        if (
            (name in MUST_FIT and value != own)
            or (name == "max_positions" and value > own)
            or (name == "untie_weights_roberta" and own and not value)
        ):
            return name
    return None


def _find_start(cfg) -> _Start | None:
    """The file that fairseq's ``load_checkpoint`` will load."""
    options = vars(cfg) if isinstance(cfg, Namespace) else cfg._get_root().get("checkpoint") or {}
    restore, pretrained = (options.get(name) for name in ("restore_file", "finetune_from_model"))
    if restore is None:
        return None  # these are not the options of a run
    if restore != _LAST:
        return _Start(restore, arch_gives_way=True)
    last = os.path.join(options["save_dir"], _LAST)
    if os.path.isfile(last):
        return _Start(last, arch_gives_way=pretrained is not None)
    return None if pretrained is None else _Start(pretrained, arch_gives_way=True)


def read_saved_model(path: str | Path) -> SavedModel:
    """Read what model a checkpoint holds; of a large file, little more than that is read.

    Args:
        path: a checkpoint of CLINE, of RoBERTa as published or trained with fairseq, or of a
            classifier that was made from one.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no such checkpoint.
    """
    with plain_errors(path):
        # RoBERTa was published in torch's first format, which cannot be mapped into memory.
        state = safe_load(path, map_location="cpu", mmap=zipfile.is_zipfile(path))
        weights, options = state["model"], state.get("args")
        if options is None:
            options = (state.get("cfg") or {}).get("model") or {}
    options = vars(options) if isinstance(options, Namespace) else options
    if options.get(HEADS) is None:
        raise InputError(
            f"{path} does not record the options of its model ({HEADS} is missing): give a "
            "checkpoint that fairseq saved"
        )
    encoder = encoder_weights(path, weights)
    sizes = _read_shapes(path, encoder)
    sizes |= {name: options[name] for name in (HEADS, *_CHOICES) if options.get(name) is not None}
    sizes["untie_weights_roberta"] |= bool(options.get("untie_weights_roberta"))
    return SavedModel(_arch(options), sizes, len(encoder[_EMBEDDINGS]))


def _read_shapes(path, encoder):
    embeddings = encoder[_EMBEDDINGS]
    layers = {name.split(".")[2] for name in encoder if name.startswith("sentence_encoder.layers.")}
    try:
        ffn = encoder["sentence_encoder.layers.0.fc1.weight"]
        positions = encoder["sentence_encoder.embed_positions.weight"]
    except KeyError as error:
        raise _not_roberta(path, error.args[0]) from error
    return {
        "encoder_layers": len(layers),
        "encoder_embed_dim": embeddings.shape[1],
        "encoder_ffn_embed_dim": len(ffn),
        "max_positions": len(positions) - _BEFORE_POSITIONS,
        "encoder_normalize_before": "sentence_encoder.layer_norm.weight" in encoder,
        "layernorm_embedding": any(
            f"sentence_encoder.{name}.weight" in encoder
            for name in ("layernorm_embedding", "emb_layer_norm")
        ),
        "untie_weights_roberta": not torch.equal(
            encoder.get("lm_head.weight", embeddings), embeddings
        ),
    }


def encoder_weights(path: str | Path, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of the encoder, by their names in it.

    Args:
        path: the checkpoint.
        weights: its model.

    Raises:
        InputError: if it is no CLINE or RoBERTa model.
    """
    for prefix in ("encoder.", "decoder."):  # as fairseq names it, and as it did at first
        if prefix + _EMBEDDINGS in weights:
            return {
                name.removeprefix(prefix): weight
                for name, weight in weights.items()
                if name.startswith(prefix)
            }
    raise _not_roberta(path, _EMBEDDINGS)


@contextmanager
def plain_errors(path: str | Path) -> Iterator[None]:
    """Say in one sentence why a checkpoint cannot be read.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is not a checkpoint of fairseq, or cannot be read. The error behind it is
            logged at debug level.
    """
    if not os.path.isfile(path):
        raise MissingFileError(
            f"no checkpoint {os.path.abspath(path)}: give the .pt file of a CLINE or RoBERTa model"
        )
    try:
        yield
    except InputError:
        raise  # not safe to load
    except (
        *(AssertionError, AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError),
        *(SyntaxError, TypeError, ValueError, OmegaConfBaseException, zipfile.BadZipFile),
    ) as error:
        logger.debug("%s cannot be loaded", path, exc_info=True)
        # Python's own, as it has for files that are cut off, are about the file's content.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise InputError(
                f"{path} cannot be read ({error.strerror}): check the disk and permissions"
            ) from error
        reason = " ".join(str(error).split())[:200]
        if "central directory" in reason:
            reason = "it is cut off"
        raise InputError(
            f"{path} is not a checkpoint of fairseq ({type(error).__name__}: {reason}): give the "
            ".pt file of a CLINE or RoBERTa model"
        ) from error


def _not_roberta(path, name):
    return InputError(
        f"{path} has no {name}, so it is no CLINE or RoBERTa model: give the .pt file of one"
    )


def _arch(options):
    get = options.get if hasattr(options, "get") else vars(options).get
    return get("_name") or get("arch")


def _on_command_line(name):
    return f"--{name.replace('_', '-')}"
