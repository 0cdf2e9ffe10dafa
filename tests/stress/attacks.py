"""Try to run code through what programs read: checkpoints, array files, model folders, names.

The code would make a file. None may appear, and each attempt ends in one sentence.
"""

import itertools
import json
import os
import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from cline_fairseq import compat  # noqa: F401  lets torch load what fairseq saves
from programs import run
from stress.material import Material
from stress.readers import Readers
from stress.trial import Trial

_CHECKPOINTS = ("checkpoint", "checkpoint_last.pt", "model.pt")
_ARRAYS = ("lexicon", "tagger")


class _Call:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path, way: str):
        self._path, self._way = str(path), way

    def __reduce__(self):
        code = f"open({self._path!r}, 'w')"
        return {
            "os": (os.mkdir, (self._path,)),
            "eval": (eval, (code,)),
            "exec": (exec, (code,)),
            "partial": (partial(os.mkdir, self._path), ()),
        }[self._way]


WAYS = ("os", "eval", "exec", "partial")


def _in_extra_state(data, call):
    state = torch.load(data, weights_only=True)
    state["extra_state"]["more"] = call
    return state


def _in_options(data, call):
    state = torch.load(data, weights_only=True)
    state["cfg"]["model"] = call
    return state


def _save_checkpoint(path, call, place):
    torch.save(place(path, call), path)


def _save_pickle(path, call):
    path.write_bytes(pickle.dumps(call))


def _save_arrays(path, call):
    with np.load(path) as file:
        arrays = dict(file)
    arrays[next(iter(arrays))] = np.array([call], object)
    np.savez_compressed(path, **arrays)


def _attempts(material, folder) -> Iterator[tuple[str, Callable]]:
    """What is attacked, with a function that attacks a copy of it and returns the result."""
    for reader in Readers(material, folder).all():
        file = reader.what.partition(", ")[0]
        if file in _CHECKPOINTS:
            spoils = [partial(_save_checkpoint, place=p) for p in (_in_extra_state, _in_options)]
            spoils.append(_save_pickle)
        elif file in _ARRAYS:
            spoils = [_save_arrays, _save_pickle]
        else:
            continue
        for spoil, way in itertools.product(spoils, WAYS):
            yield reader.what, partial(_through_file, reader, spoil, way)
    export = next(r for r in Readers(material, folder / "again").hugging_face())
    for way in WAYS:
        yield "pytorch_model.bin, import_hf", partial(_through_pickled_weights, export, way)
    for name in ("../../attacked", "/tmp/attacked", "..", "a/../../b"):
        yield "names, encode --split", partial(_through_split, material, name)
        yield "names, index of import_hf", partial(_through_index, export, name)


def _through_file(reader, spoil, way, folder, target):
    source, dest = folder / "source", folder / "dest"
    shutil.copytree(reader.source, source)
    dest.mkdir()
    spoil(source / reader.file, _Call(target, way))
    return run(*reader.command(source, dest), check=False)


def _through_pickled_weights(reader, way, folder, target):
    source = folder / "source"
    shutil.copytree(reader.source, source)
    (source / "model.safetensors").unlink()
    torch.save({"weight": _Call(target, way)}, source / "pytorch_model.bin")
    return run(*reader.command(source, folder / "dest"), check=False)


def _through_index(reader, name, folder, target):
    source = folder / "source"
    shutil.copytree(reader.source, source)
    (source / "model.safetensors").unlink()
    index = source / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"weight": name}}), encoding="utf-8")
    return run(*reader.command(source, folder / "dest"), check=False)


def _through_split(material, name, folder, target):
    text = folder / "text.txt"
    text.write_text("A text.\n", encoding="utf-8")
    return run(*material.encode(text, folder / "a" / "b", 1, name), check=False)


def attacks(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Attack programs, each in all ways before the number is used up, if it is large enough."""
    sources = folder / "sources"
    (sources / "again").mkdir(parents=True)
    found = list(_attempts(material, sources))
    np.random.default_rng(seed).shuffle(found)
    for i, (what, attempt) in enumerate(itertools.islice(itertools.cycle(found), number)):
        own = folder / str(i)
        own.mkdir()
        target = own / "attacked"
        yield Trial(what, _failure(attempt(own, target), target))


def _failure(result, target):
    if target.exists():
        return "it ran code"
    told = re.findall(r"^(?:[\w. -]+: )?error: ", result.stderr, re.MULTILINE)
    if result.returncode == 0 or len(told) != 1 or "Traceback" in result.stderr:
        return f"status {result.returncode} and not one sentence: {result.stderr[-500:]}"
    if "weights_only" in result.stderr:
        return f"it quotes torch's advice: {result.stderr[-500:]}"
    return None
