"""Fill the disk of programs: a limit on the size of files stands for it, which needs no rights.

Each ends in one sentence, leaves nothing unfinished, and keeps what was there before.
"""

import hashlib
import random
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from stress.material import ROOT, Material, command, environment, must_succeed
from stress.programs_under_test import converting, preparing
from stress.readers import Readers
from stress.trial import Trial

_LOCKS_AND_MANIFESTS = (".lock", "manifest.json")  # small, and they say that nothing is finished
_LEAST = 64  # bytes; Python writes a few to see that it can, and the system 32 for a semaphore
_UNFINISHED = (".part", ".tmp")


def full_disks(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Run programs with less room than they need."""
    rng = random.Random(seed)
    programs = list(_programs(material, folder))
    for i in range(number):
        name, parts = programs[i % len(programs)]
        own = folder / str(i)
        own.mkdir()
        # Either at once, or in the middle of the largest file.
        share = 0 if i < len(programs) else rng.random()
        yield Trial(f"a full disk under {name}", _trial(parts, own, share))


def _programs(material, folder) -> Iterator[tuple[str, Callable[[Path], list[object]]]]:
    """Programs by name, with their command lines for a destination."""
    for program in (*preparing(material, folder), *converting(material, folder)):
        yield program.name, program.parts
    yield "export_roberta", lambda out: material.export(out, "export_roberta")
    yield "fairseq-train", lambda out: material.train(out, 3, "--save-interval-updates", 1)
    sources = folder / "sources"
    sources.mkdir()
    for reader in Readers(material, sources).all():
        file, _, program = reader.what.partition(", ")
        if file in ("config.json", "paired.tsv", "dev.json"):  # once for each program
            yield program, lambda out, reader=reader: reader.command(reader.source, out)


def _trial(parts, folder, share):
    whole, dest = folder / "whole", folder / "dest"
    whole.mkdir()
    must_succeed(parts(whole))
    largest = max(path.stat().st_size for path in _files(whole))
    dest.mkdir()
    before = {}
    if "fairseq-train" in str(parts(dest)[0]):  # it goes on from a checkpoint that must stay
        must_succeed(parts(dest))
        before = _contents(dest)
        command_line = [*parts(dest), "--max-update", 6]
    else:
        command_line = parts(dest)
    limit = max(int(share * largest), _LEAST)
    result = subprocess.run(
        command(*command_line),
        cwd=ROOT,
        env={**environment(), "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    return _failure(result, before, dest, limit)


def _failure(result, before, dest, limit):
    told = [line for line in result.stderr.splitlines() if line.startswith("error: no room to ")]
    what = f"with {limit:,} bytes a file, "
    if result.returncode == 0 or len(told) != 1 or "Traceback" in result.stderr:
        end = " / ".join(result.stderr.strip().splitlines()[-3:])
        return f"{what}status {result.returncode} and not one sentence: {end}"
    after = _contents(dest)
    left = [name for name in after if any(sign in name for sign in _UNFINISHED)]
    if left:
        return f"{what}it left {', '.join(left)}"
    if before:
        kept = "checkpoint_last.pt"
        if kept not in told[0]:
            return f"{what}it did not name the last checkpoint: {told[0]}"
        return None if after.get(kept) == before[kept] else f"{what}it lost {kept}"
    new = [name for name in after if not name.endswith(_LOCKS_AND_MANIFESTS)]
    cut = [name for name in new if (dest / name).stat().st_size >= limit]
    return f"{what}it left {', '.join(cut)}" if cut else None


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
    }
