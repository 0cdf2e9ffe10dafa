"""The files in which sentence-transformers say how a model's vectors become one for a text.

``modules.json`` lists the modules: the encoder, the pooling, and often a normalization.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..atomic_io import is_plain_name
from ..checkpoint import LoadedModel
from ..errors import InputError
from ..models.config import SENTENCE_VECTORS
from .json_files import read_json, read_json_list
from .parameter_names import first_of

MODULES = "modules.json"
_SETTINGS = "sentence_bert_config.json"  # of the encoder
_POOLING, _NORMALIZE = "1_Pooling", "2_Normalize"
_ENCODER = "Transformer"
# The option of sentence-transformers for each of ours.
_OPTIONS = dict(
    zip(SENTENCE_VECTORS, ("pooling_mode_cls_token", "pooling_mode_mean_tokens"), strict=True)
)
_PREFIX = "pooling_mode_"


class Pooling(NamedTuple):
    """How the vectors of tokens become one for a text.

    Attributes:
        options: our options for it, ``sentence_vector`` and ``normalize_sentence_vector``; empty if
            the folder does not say it, or if our options cannot.
        notes: what was left out, for the user.
    """

    options: dict[str, Any]
    notes: list[str]


def encoder_folder(folder: Path) -> Path:
    """The folder of the encoder: of the first versions' models, a folder within.

    Raises:
        InputError: if modules.json names no encoder.
    """
    if (folder / "config.json").is_file() or not (folder / MODULES).is_file():
        return folder
    for kind, path in _modules(folder):
        if kind == _ENCODER:
            return folder / path
    raise InputError(f"{folder / MODULES} names no {_ENCODER}: only such models can be imported")


def read_pooling(folder: Path, max_positions: int) -> Pooling:
    """Read how a model of sentence-transformers pools.

    Args:
        folder: of the whole model.
        max_positions: the most tokens that the encoder reads.

    Raises:
        InputError: if a file is malformed.
    """
    if not (folder / MODULES).is_file():
        return Pooling({}, [])
    modules = dict(_modules(folder))
    settings = folder / modules.get(_ENCODER, "") / _SETTINGS
    limit = read_json(settings).get("max_seq_length") if settings.is_file() else None
    others = modules.keys() - {_ENCODER, "Pooling", "Normalize"}
    notes = [f"left out: {first_of(others)} (modules of sentence-transformers)"] if others else []
    if isinstance(limit, int) and limit < max_positions:
        notes.append(
            f"left out: the limit of {limit} tokens (max_seq_length of sentence-transformers); the "
            f"model reads {max_positions}"
        )
    if "Pooling" not in modules:
        return Pooling({}, notes)
    path = folder / modules["Pooling"] / "config.json"
    found = _modes(read_json(path))
    vectors = [vector for vector, option in _OPTIONS.items() if option in found]
    if len(found) != 1 or not vectors:
        known = " or ".join(_OPTIONS.values())
        what = ", ".join(found) or "no pooling"
        return Pooling({}, [*notes, f"left out: {what} of {path}, since only {known} can be kept"])
    options = {
        "sentence_vector": vectors[0],
        "normalize_sentence_vector": "Normalize" in modules,
    }
    return Pooling(options, notes)


def _modes(config):
    """The options for pooling that are set; newer versions have one by name."""
    if isinstance(config.get("pooling_mode"), str):
        mode = config["pooling_mode"]
        return [next((o for v, o in _OPTIONS.items() if v == mode), _PREFIX + mode)]
    return [name for name, value in config.items() if name.startswith(_PREFIX) and value]


def write_pooling(loaded: LoadedModel, folder: Path) -> None:
    """Write the files with which ``SentenceTransformer(folder)`` gives the model's vectors.

    Args:
        loaded: an encoder.
        folder: of transformers, with the encoder.
    """
    args = loaded.model.args
    vector = getattr(args, "sentence_vector", SENTENCE_VECTORS[0])
    modules = [("", "Transformer"), (_POOLING, "Pooling")]
    if getattr(args, "normalize_sentence_vector", False):
        modules.append((_NORMALIZE, "Normalize"))
    for path, _ in modules[1:]:
        (folder / path).mkdir()
    _write(
        folder / MODULES,
        [
            {
                "idx": i,
                "name": str(i),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, (path, kind) in enumerate(modules)
        ],
    )
    limit = loaded.model.max_positions()
    _write(folder / _SETTINGS, {"max_seq_length": limit, "do_lower_case": False})
    options = {option: name == vector for name, option in _OPTIONS.items()}
    pooling = {"word_embedding_dimension": args.encoder_embed_dim, **options}
    _write(folder / _POOLING / "config.json", pooling)


def _write(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def _modules(folder):
    """Class names and folders of the modules."""
    path = folder / MODULES
    try:
        modules = [
            (str(module["type"]).rpartition(".")[2], str(module["path"]))
            for module in read_json_list(path)
        ]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is not a list of modules of sentence-transformers") from error
    for _, name in modules:
        if name and not is_plain_name(name):
            raise InputError(f"{path} names {name!r}, which is not a folder beside it")
    return modules
