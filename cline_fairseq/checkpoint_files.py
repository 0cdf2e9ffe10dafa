"""Find a checkpoint's dictionary and tokenizer: as specified, as recorded in it, or next to it."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from .errors import InputError, MissingFileError
from .tokenizer import TokenizerFiles

CHECKPOINT, DICTIONARY = "model.pt", "dict.txt"
CHECKPOINTS = (CHECKPOINT, "checkpoint_best.pt", "checkpoint_last.pt")  # in a folder, best first
SENTENCEPIECE_MODEL = "sentencepiece.bpe.model"  # the name that fairseq's hub looks for
ENCODER_JSON, VOCAB_BPE = "encoder.json", "vocab.bpe"
WORD_PIECES = "vocab.txt"
TOKENIZER_SETTINGS = "tokenizer_config.json"  # where Hugging Face says if text has capitals
# By tokenizer and fairseq's option: the usual names of the file next to a checkpoint.
_FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "sentencepiece": {
        "sentencepiece_model": (SENTENCEPIECE_MODEL, "sentencepiece.model", "spm.model")
    },
    "gpt2": {"gpt2_encoder_json": (ENCODER_JSON,), "gpt2_vocab_bpe": (VOCAB_BPE,)},
    "bert": {"bpe_vocab_file": (WORD_PIECES,)},
}
_ANY_TOKENIZER = (
    "--bpe sentencepiece --sentencepiece-model FILE (or --bpe gpt2 --gpt2-encoder-json FILE "
    "--gpt2-vocab-bpe FILE, or --bpe bert --bpe-vocab-file FILE)"
)


class Record(NamedTuple):
    """What a checkpoint records about the files that it was trained with.

    Attributes:
        folders: the data folders, in the order of ``cfg.task.data``.
        bpe: fairseq's configuration for ``--bpe``; empty if not recorded.
        is_classifier: whether it was trained with fairseq's sentence_prediction.
    """

    folders: list[str]
    bpe: dict[str, Any]
    is_classifier: bool

    @classmethod
    def of(cls, cfg: Any) -> "Record":
        """The record in fairseq's configuration of a run."""
        data = getattr(cfg["task"], "data", None) or ""
        bpe: Any = OmegaConf.to_container(cfg["bpe"]) if OmegaConf.is_config(cfg.get("bpe")) else {}
        return cls(
            [folder for folder in str(data).split(os.pathsep) if folder],
            {name: value for name, value in bpe.items() if value != "???"},
            getattr(cfg["task"], "_name", None) == "sentence_prediction",
        )


def checkpoint_file(path: Path) -> Path:
    """The checkpoint at a path: the file itself, or one of the usual names in a folder.

    Raises:
        MissingFileError: if it does not exist.
    """
    if not path.is_dir():
        if not path.is_file():
            raise MissingFileError(
                f"no checkpoint {path}: specify the .pt file of a CLINE or RoBERTa model"
            )
        return path
    for name in CHECKPOINTS:
        if (path / name).is_file():
            return path / name
    raise MissingFileError(
        f"no {', '.join(CHECKPOINTS[:-1])} or {CHECKPOINTS[-1]} in {path}: specify the .pt file of "
        "a CLINE or RoBERTa model"
    )


def dictionary_path(data: Path, is_classifier: bool = False) -> Path:
    """The path of the dictionary in the folder of a binarized task or corpus.

    Args:
        data: the folder.
        is_classifier: whether it is certainly the folder of a task.
    """
    path = data / "input0" / DICTIONARY
    return path if is_classifier or path.is_file() else data / DICTIONARY


def find_files(
    checkpoint: Path,
    record: Record,
    data: Path | None = None,
    tokenizer: TokenizerFiles | None = None,
) -> tuple[Path, TokenizerFiles]:
    """Find the files that a checkpoint needs to read text.

    A file is looked up in this order: as specified by the user; as recorded in the checkpoint; by
    its recorded or usual name in the checkpoint's folder or its parent (for the tokenizer also in
    the data folder or its parent). The last is for projects that were moved, and for relative
    paths that were recorded in another folder. The caller must check that the files fit the
    checkpoint.

    Args:
        checkpoint: the file.
        record: what the checkpoint records.
        data: the folder with the dictionary, if specified.
        tokenizer: the tokenizer's files, as far as specified.

    Returns:
        the data folder, and the tokenizer with all its files.

    Raises:
        MissingFileError: if something cannot be found; the message names everything that is missing
            and the options to specify it.
    """
    found_data, missing = _find_data(checkpoint, record, data)
    found, missing_files = _find_tokenizer(
        record.bpe,
        {} if tokenizer is None else tokenizer.given(),
        _places(checkpoint, found_data),
    )
    missing |= missing_files
    if missing:
        raise MissingFileError(
            f"cannot find {' and '.join(missing)} for {checkpoint}, at the recorded path or next "
            f"to it: specify {' '.join(missing.values())}"
        )
    return found_data, found


def find_tokenizer(checkpoint: Path, record: Record, data: Path) -> TokenizerFiles | None:
    """A checkpoint's tokenizer, found like in :func:`find_files`; None if it is not found.

    Args:
        checkpoint: the file.
        record: what the checkpoint records.
        data: the data folder.
    """
    return _find_tokenizer(record.bpe, {}, _places(checkpoint, data))[0]


def tokenizer_in(places: Sequence[Path]) -> TokenizerFiles | None:
    """The tokenizer in the first of these folders that has all files of one; None if none has."""
    for place in places:
        for bpe, files in _FILES.items():
            found = _files_in([place], files)
            if found:
                return _named(bpe, found)
    return None


def copied_tokenizer(folder: Path, bpe: str) -> TokenizerFiles:
    """The tokenizer whose files have their usual names in a folder, as copies have.

    Args:
        folder: the folder with the files.
        bpe: fairseq's name of the tokenizer.
    """
    return _named(bpe, {option: folder / names[0] for option, names in _FILES[bpe].items()})


def copy_tokenizer(folder: Path, config: Mapping[str, Any]) -> None:
    """Copy the files of a tokenizer, with the usual names.

    Args:
        folder: where to copy them.
        config: fairseq's configuration for ``--bpe``.
    """
    for option, names in _FILES[config["_name"]].items():
        shutil.copyfile(config[option], folder / names[0])
    if config["_name"] == "bert":
        settings = {"do_lower_case": not config["bpe_cased"]}
        (folder / TOKENIZER_SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")


def _named(bpe, found, cased=None):
    """A tokenizer by its files; what was not said of capitals is read beside the vocabulary."""
    if bpe == "bert" and cased is None:
        cased = _is_cased(Path(found["bpe_vocab_file"]).with_name(TOKENIZER_SETTINGS))
    return TokenizerFiles(bpe, **found, bpe_cased=cased)


def _is_cased(path):
    """What tokenizer_config.json says of capitals; None if it does not.

    Raises:
        InputError: if the file cannot be read.
    """
    if not path.is_file():
        return None
    try:
        lower = json.loads(path.read_text(encoding="utf-8")).get("do_lower_case")
        if not (lower is None or isinstance(lower, bool)):
            raise ValueError(f"do_lower_case is {lower!r}")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} does not say if the text of the vocabulary beside it has capitals ({error}): "
            'mend it, for example as {"do_lower_case": true}, or remove it'
        ) from error
    return None if lower is None else not lower


def _places(checkpoint, data):
    """The folders in which to look for a tokenizer, the nearest first."""
    folders = [checkpoint.absolute().parent, *([data.absolute()] if data else [])]
    return [*folders, *(folder.parent for folder in folders)]


def _find_data(checkpoint, record, typed):
    """The folder with the dictionary or None, and the option for what is missing."""
    if typed is not None:
        if not typed.is_dir():
            raise MissingFileError(f"no folder {typed}: specify the folder with the dictionary")
        return typed, {}
    places = _places(checkpoint, None)
    candidates = [Path(folder) for folder in record.folders]
    for place in places:
        for folder in record.folders:
            candidates += [place / folder, place / Path(folder).name]
        candidates.append(place)
    for folder in candidates:
        if dictionary_path(folder, record.is_classifier).is_file():
            return folder, {}
    what = "the dictionary (dict.txt)"
    if record.folders:
        what = f"the data folder {os.pathsep.join(record.folders)}"
    return None, {what: "--data FOLDER"}


def _find_tokenizer(recorded, typed, places):
    """The tokenizer or None, and the options for what is missing."""
    kinds = [kind for kind, files in _FILES.items() if any(typed.get(name) for name in files)]
    bpe = typed.get("bpe") or next(iter(kinds), None) or recorded.get("_name")
    if bpe is None:
        found = tokenizer_in(places)
        return found, {} if found else {"the tokenizer": _ANY_TOKENIZER}
    found, wanted = {}, {}
    for option, names in _FILES.get(bpe, {}).items():
        path = recorded.get(option)
        if typed.get(option):
            found[option] = typed[option]
        elif path and Path(path).is_file():
            found[option] = path
        else:
            wanted[option] = (path, Path(path).name, *names) if path else names
    if wanted:
        found |= _files_in(places, wanted)
    missing = {
        recorded.get(option) or names[0]: f"--{option.replace('_', '-')} FILE"
        for option, names in wanted.items()
        if option not in found
    }
    cased = typed.get("bpe_cased")
    if cased is None and bpe == "bert" == recorded.get("_name"):
        cased = recorded.get("bpe_cased")
    return None if missing else _named(bpe, found, cased if bpe == "bert" else None), missing


def _files_in(places, wanted):
    """Paths by option in the first folder that has all wanted files; empty if none has."""
    for place in places:
        paths = {
            option: next((place / name for name in names if (place / name).is_file()), None)
            for option, names in wanted.items()
        }
        if all(paths.values()):
            return paths
    return {}
