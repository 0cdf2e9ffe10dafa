"""Find the dictionary and tokenizer of a checkpoint: as typed, as recorded in it, or beside it."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from .errors import MissingFileError
from .tokenizer import TokenizerFiles

CHECKPOINT, DICTIONARY = "model.pt", "dict.txt"
CHECKPOINTS = (CHECKPOINT, "checkpoint_best.pt", "checkpoint_last.pt")  # in a folder, best first
SENTENCEPIECE_MODEL = "sentencepiece.bpe.model"  # the name that fairseq's hub looks for
ENCODER_JSON, VOCAB_BPE = "encoder.json", "vocab.bpe"
# By tokenizer and fairseq's option: the names that the file has beside a checkpoint.
_FILES = {
    "sentencepiece": {
        "sentencepiece_model": (SENTENCEPIECE_MODEL, "sentencepiece.model", "spm.model")
    },
    "gpt2": {"gpt2_encoder_json": (ENCODER_JSON,), "gpt2_vocab_bpe": (VOCAB_BPE,)},
}
_ANY_TOKENIZER = (
    "--bpe sentencepiece --sentencepiece-model FILE (or --bpe gpt2 --gpt2-encoder-json FILE "
    "--gpt2-vocab-bpe FILE)"
)


class Record(NamedTuple):
    """What a checkpoint records of the files that it was trained with.

    Attributes:
        folders: the data folders, in the order of ``cfg.task.data``.
        bpe: fairseq's configuration of ``--bpe``; empty if there was none.
        is_classifier: whether it is one of fairseq's sentence_prediction.
    """

    folders: list[str]
    bpe: dict[str, Any]
    is_classifier: bool

    @classmethod
    def of(cls, cfg: Any) -> "Record":
        """The record in fairseq's configuration of a run."""
        data = getattr(cfg["task"], "data", None) or ""
        bpe = OmegaConf.to_container(cfg["bpe"]) if OmegaConf.is_config(cfg.get("bpe")) else {}
        return cls(
            [folder for folder in str(data).split(os.pathsep) if folder],
            {name: value for name, value in bpe.items() if value != "???"},
            getattr(cfg["task"], "_name", None) == "sentence_prediction",
        )


def checkpoint_file(path: Path) -> Path:
    """The checkpoint that a path means: the file itself, or the one in a folder.

    Raises:
        MissingFileError: if there is none.
    """
    if not path.is_dir():
        if not path.is_file():
            raise MissingFileError(
                f"no checkpoint {path}: give the .pt file of a CLINE or RoBERTa model"
            )
        return path
    for name in CHECKPOINTS:
        if (path / name).is_file():
            return path / name
    raise MissingFileError(
        f"no {', '.join(CHECKPOINTS[:-1])} or {CHECKPOINTS[-1]} in {path}: give the .pt file of a "
        "CLINE or RoBERTa model"
    )


def dictionary_path(data: Path, is_classifier: bool = False) -> Path:
    """The dictionary of the texts in the folder of a binarized task, or of a corpus."""
    path = data / "input0" / DICTIONARY
    return path if is_classifier or path.is_file() else data / DICTIONARY


def find_files(
    checkpoint: Path,
    record: Record,
    data: Path | None = None,
    tokenizer: TokenizerFiles | None = None,
) -> tuple[Path, TokenizerFiles]:
    """Find what a checkpoint needs to read text.

    Each file is the one that was typed, or else the one that the checkpoint records, or else one
    of the recorded or usual name in the checkpoint's folder or its parent (and for the tokenizer
    the data folder or its parent): projects are moved, and their relative paths are read from
    elsewhere. Whether the files fit the checkpoint is for the caller to verify.

    Args:
        checkpoint: its file.
        record: what it records.
        data: the folder with the dictionary, if the user named it.
        tokenizer: what the user named; the rest is None.

    Returns:
        the data folder, and the tokenizer with all its files.

    Raises:
        MissingFileError: if something cannot be found; it names all that is missing, with the
            options that say where it is.
    """
    data, missing = _find_data(checkpoint, record, data)
    found, missing_files = _find_tokenizer(
        record.bpe,
        {} if tokenizer is None else tokenizer.given(),
        _places(checkpoint, data),
    )
    missing |= missing_files
    if missing:
        raise MissingFileError(
            f"cannot find {' and '.join(missing)} for {checkpoint}, at the recorded path or beside "
            f"it: give {' '.join(missing.values())}"
        )
    return data, found


def find_tokenizer(checkpoint: Path, record: Record, data: Path) -> TokenizerFiles | None:
    """A checkpoint's tokenizer as :func:`find_files` finds them, if it does."""
    return _find_tokenizer(record.bpe, {}, _places(checkpoint, data))[0]


def tokenizer_in(places: Sequence[Path]) -> TokenizerFiles | None:
    """The tokenizer whose files are in the first folder that has some, if any."""
    for place in places:
        for bpe, files in _FILES.items():
            found = _files_in([place], files)
            if found:
                return TokenizerFiles(bpe, **found)
    return None


def copy_tokenizer(folder: Path, subwords: dict[str, Any]) -> None:
    """Copy the files of a tokenizer, under the names by which they are found.

    Args:
        folder: to copy to.
        subwords: fairseq's configuration of ``--bpe``.
    """
    for option, names in _FILES[subwords["_name"]].items():
        shutil.copyfile(subwords[option], folder / names[0])


def _places(checkpoint, data):
    """Where to look for a tokenizer: the nearest folder first."""
    folders = [checkpoint.absolute().parent, *([data.absolute()] if data else [])]
    return [*folders, *(folder.parent for folder in folders)]


def _find_data(checkpoint, record, typed):
    """The folder with the dictionary, or None; what is missing, and the option that names it."""
    if typed is not None:
        if not typed.is_dir():
            raise MissingFileError(f"no folder {typed}: give the one with the dictionary")
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
    """The tokenizer, or None; what is missing, and the options that name it."""
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
    return None if missing else TokenizerFiles(bpe, **found), missing


def _files_in(places, wanted):
    """Paths by option, of the first folder that has all of the wanted files; empty if none has."""
    for place in places:
        paths = {
            option: next((place / name for name in names if (place / name).is_file()), None)
            for option, names in wanted.items()
        }
        if all(paths.values()):
            return paths
    return {}
