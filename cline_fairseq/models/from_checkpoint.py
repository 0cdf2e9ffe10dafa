"""Sizes of the model, for runs that start from a checkpoint.

An option that the user sets takes precedence over the checkpoint, which takes precedence over the
architecture. fairseq-train calls the architecture while the options contain only what the user set,
so that is where :func:`take_sizes` belongs. fairseq-hydra-train calls it too late for that; see
:func:`prepare`.
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
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from ..dictionary import FIRST_POSITION
from ..errors import InputError, MissingFileError
from ..safe_load import safe_load
from .config import is_filled_in

logger = logging.getLogger(__name__)

HEADS = "encoder_attention_heads"
# With other values, the parameters of the checkpoint do not fit or mean something else.
MUST_FIT = (
    *("encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", HEADS),
    *("encoder_normalize_before", "layernorm_embedding", "rtd_head_plain"),
)
_CHOICES = (
    *("activation_fn", "pooler_activation_fn", "layer_norm_eps"),
    *("sentence_vector", "normalize_sentence_vector", "hf_model_type"),
)
_LAST = "checkpoint_last.pt"  # default of --restore-file, relative to --save-dir
_EMBEDDINGS = "sentence_encoder.embed_tokens.weight"


class SavedModel(NamedTuple):
    """What a checkpoint says about its model.

    Attributes:
        arch: the architecture it was trained with, or None if the checkpoint does not record it.
        sizes: options that build the model with any architecture of CLINE, by name.
        num_symbols: rows of the word embeddings, which is the size of the dictionary with
            ``<mask>``.
    """

    arch: str | None
    sizes: dict[str, Any]
    num_symbols: int


class _Start(NamedTuple):
    """The checkpoint that a run starts from."""

    path: str
    arch_gives_way: bool  # False for the last checkpoint of a run that started from scratch


def take_sizes(args: Namespace | DictConfig) -> None:
    """Take the sizes that the user did not set from the checkpoint that a run starts from.

    Architectures call this. It applies to fairseq-train only: other options come from
    fairseq-hydra-train (see :func:`prepare`) or from a saved model.

    Args:
        args: options of the run, changed in place.

    Raises:
        MissingFileError: if the checkpoint does not exist.
        InputError: if it is not a checkpoint, or if an option does not fit it.
    """
    if isinstance(args, Namespace) and not hasattr(args, "_name"):
        typed = {name: value for name, value in vars(args).items() if value is not None}
        for name, value in _take(args, typed, _on_command_line).items():
            setattr(args, name, value)


def prepare(cfg: DictConfig, task: FairseqTask) -> None:
    """Fill in the options of a model, and check that it fits the checkpoint that a run starts from.

    This is called before a run builds its model, but not when a saved model is loaded. For
    fairseq-hydra-train, it takes sizes from the checkpoint first.

    Args:
        cfg: options of the model within those of the run, changed in place.
        task: the task of the run, with a ``source_dictionary``.

    Raises:
        MissingFileError: if the checkpoint does not exist.
        InputError: if it is not a checkpoint, or if the model or the dictionary does not fit it.
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
            f"{saved.sizes[name]} in {start.path}, where the run would continue: pass another "
            "--save-dir, or the architecture and sizes of that run"
        )
    size = len(task.source_dictionary)
    if size != saved.num_symbols:
        raise InputError(
            f"the dictionary of {getattr(task.cfg, 'data', 'the task')} has {size:,} symbols with "
            f"<mask>, but the checkpoint {start.path} was trained with {saved.num_symbols:,}: "
            "binarize the data with the dictionary of the checkpoint (fairseq-preprocess --srcdict)"
        )


def _take_under_hydra(cfg: DictConfig, task: FairseqTask) -> None:
    typed = {str(name): value for name, value in cfg.items() if value is not None}
    # sentence_prediction has its own max_positions, and has already passed it to the model. By now,
    # a value that the user set cannot be told from the default.
    default = getattr(OmegaConf.get_type(task.cfg), "max_positions", None)
    is_of_task = default is not None
    if is_of_task and typed.get("max_positions") == default:
        del typed["max_positions"]

    def option(name):
        return f"{'task' if name == 'max_positions' and is_of_task else 'model'}.{name}"

    taken = _take(cfg, typed, option)
    cfg.update(taken)
    if is_of_task and "max_positions" in taken:
        # The task of this run reads the first, and the second is saved.
        root: Any = cfg._get_root()
        task.cfg.max_positions = root.task.max_positions = cfg.max_positions


def _take(
    cfg: Namespace | DictConfig, typed: Mapping[str, Any], option: Callable[[str], str]
) -> dict[str, Any]:
    """Return the sizes that come from the checkpoint.

    Args:
        cfg: options of the model.
        typed: the options that the user set.
        option: returns how the user writes an option, for messages.
    """
    start = _find_start(cfg)
    if start is None:
        return {}
    saved = read_saved_model(start.path)
    if not start.arch_gives_way and saved.arch != _arch(cfg):
        return {}
    if name := _find_misfit(typed.get, saved):
        less = ", or pass a smaller number" if name == "max_positions" else ""
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
    """Return the first size that does not fit the checkpoint, or None.

    A model may have fewer positions than the checkpoint: it takes the first ones. It may also have
    an untied LM head if the checkpoint has none: it starts as a copy of the word embeddings.
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


def _find_start(cfg: Namespace | DictConfig) -> _Start | None:
    """Return the checkpoint that fairseq's ``load_checkpoint`` will load, or None."""
    if isinstance(cfg, Namespace):
        options = vars(cfg)
    else:
        root: Any = cfg._get_root()
        options = root.get("checkpoint") or {}
    restore, pretrained = (options.get(name) for name in ("restore_file", "finetune_from_model"))
    if restore is None:
        return None  # not the options of a run
    if restore != _LAST:
        return _Start(restore, arch_gives_way=True)
    last = os.path.join(options["save_dir"], _LAST)
    if os.path.isfile(last):
        return _Start(last, arch_gives_way=pretrained is not None)
    return None if pretrained is None else _Start(pretrained, arch_gives_way=True)


def read_saved_model(path: str | Path) -> SavedModel:
    """Read what kind of model a checkpoint contains.

    Parameters are mapped into memory where the format allows it, so that little is read of a large
    file.

    Args:
        path: a checkpoint of CLINE; of RoBERTa, as published or trained with fairseq; or of a
            classifier made from one of these.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it is not such a checkpoint.
    """
    with plain_errors(path):
        # The published RoBERTa is in torch's first format, which cannot be mapped into memory.
        state = safe_load(path, map_location="cpu", mmap=zipfile.is_zipfile(path))
        weights, options = state["model"], state.get("args")
        if options is None:
            options = (state.get("cfg") or {}).get("model") or {}
    options = vars(options) if isinstance(options, Namespace) else options
    if options.get(HEADS) is None:
        raise InputError(
            f"{path} does not record the options of its model ({HEADS} is missing): pass a "
            "checkpoint that fairseq saved"
        )
    encoder = encoder_weights(path, weights)
    sizes = _read_shapes(path, encoder)
    sizes |= {name: options[name] for name in (HEADS, *_CHOICES) if options.get(name) is not None}
    if "rtd_head.dense.weight" in encoder:
        sizes["rtd_head_plain"] = "rtd_head.layer_norm.weight" not in encoder
    sizes["untie_weights_roberta"] |= bool(options.get("untie_weights_roberta"))
    return SavedModel(_arch(options), sizes, len(encoder[_EMBEDDINGS]))


def _read_shapes(path: str | Path, encoder: Mapping[str, Tensor]) -> dict[str, Any]:
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
        "max_positions": len(positions) - FIRST_POSITION,
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
    """Return the parameters of the encoder, with their names in the encoder.

    Args:
        path: the checkpoint, for messages.
        weights: the parameters of its model.

    Raises:
        InputError: if it is not a CLINE or RoBERTa model.
    """
    for prefix in ("encoder.", "decoder."):  # the second in early versions of fairseq
        if prefix + _EMBEDDINGS in weights:
            return {
                name.removeprefix(prefix): weight
                for name, weight in weights.items()
                if name.startswith(prefix)
            }
    raise _not_roberta(path, _EMBEDDINGS)


@contextmanager
def plain_errors(path: str | Path) -> Iterator[None]:
    """Turn the errors of a block that reads a checkpoint into messages of one sentence.

    Args:
        path: the checkpoint.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it cannot be read, or is not a fairseq checkpoint. The cause is logged at
            debug level.
    """
    if not os.path.isfile(path):
        raise MissingFileError(
            f"no checkpoint {os.path.abspath(path)}: specify the .pt file of a CLINE or RoBERTa "
            "model"
        )
    try:
        yield
    except InputError:
        raise  # the file is not safe to load
    except (
        *(AssertionError, AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError),
        *(SyntaxError, TypeError, ValueError, OmegaConfBaseException, zipfile.BadZipFile),
    ) as error:
        logger.debug("%s cannot be loaded", path, exc_info=True)
        # An OSError without an errno, or with EINVAL, is about the content, e.g. a truncated file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise InputError(
                f"{path} cannot be read ({error.strerror}): check the disk and permissions"
            ) from error
        reason = " ".join(str(error).split())[:200]
        if "central directory" in reason:
            reason = "it is cut off"
        raise InputError(
            f"{path} is not a fairseq checkpoint ({type(error).__name__}: {reason}): pass the "
            ".pt file of a CLINE or RoBERTa model"
        ) from error


def _not_roberta(path: str | Path, name: str) -> InputError:
    return InputError(
        f"{path} has no {name}, so it is not a CLINE or RoBERTa model: pass the .pt file of one"
    )


def _arch(options: Any) -> str | None:
    get = options.get if hasattr(options, "get") else vars(options).get
    return get("_name") or get("arch")


def _on_command_line(name: str) -> str:
    return f"--{name.replace('_', '-')}"
