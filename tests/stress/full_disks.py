"""Fill the disk of programs: a limit on the size of files stands for it, which needs no rights.

Each ends in one sentence, leaves nothing unfinished, and keeps what was there before.
"""

import hashlib
import random
import re
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stress.material import ROOT, Material, command, environment, must_succeed
from stress.programs_under_test import (
    Program,
    converting,
    measuring,
    preparing,
    reporting,
    training,
    whole_runs,
)
from stress.readers import Readers
from stress.trial import Trial

# Locks and manifests are small, and say that nothing is finished; logs end where the disk did.
_MAY_BE_CUT = (".lock", "manifest.json", ".log")
_LEAST = 64  # bytes; Python writes a few to see that it can, and the system 32 for a semaphore
_UNFINISHED = (".part", ".tmp")


def full_disks(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Run programs with less room than they need."""
    rng = random.Random(seed)
    programs = list(_programs(material, folder))
    for i in range(number):
        program = programs[i % len(programs)]
        own = folder / str(i)
        own.mkdir()
        # Either at once, or in the middle of the largest file.
        limit = max(int(rng.random() * program.largest), _LEAST) if i % 2 else _LEAST
        yield Trial(f"a full disk under {program.name}", _trial(program.parts, own, limit))


def _programs(material, folder) -> Iterator[Program]:
    for programs in (preparing, converting, measuring, whole_runs, reporting):
        yield from programs(material)
    yield training(material)[1]
    yield Program("export_roberta", lambda out: material.export(out, "export_roberta"), folder)
    options = ("--save-interval-updates", 1)
    yield Program("fairseq-train", lambda out: material.train(out, 3, *options), folder)
    sources = folder / "sources"
    sources.mkdir()
    for reader in Readers(material, sources).all():
        file, _, program = reader.what.partition(", ")
        if file in ("config.json", "paired.tsv", "dev.json"):  # once for each program
            yield Program(
                program,
                lambda out, reader=reader: reader.command(reader.source, out.parent),
                folder,
            )


def _trial(parts, dest, limit):
    arguments, before = parts(dest / "out"), {}
    if "fairseq-train" in str(arguments[0]):  # it goes on from a checkpoint that must stay
        must_succeed(arguments)
        before = _contents(dest)
        arguments += ["--max-update", 6]
    result = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env={**environment(), "TQDM_DISABLE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    return _failure(result, before, dest, limit)


def _failure(result, before, dest, limit):
    told = re.findall(r"^error: .*no space left to .*", result.stderr, re.MULTILINE)
    what = f"with {limit:,} bytes a file, "
    if result.returncode == 0 or len(told) != 1 or "Traceback" in result.stderr:
        end = " / ".join(result.stderr.strip().splitlines()[-3:])
        return f"{what}status {result.returncode} and not one sentence: {end}"
    after = _contents(dest)
    left = [name for name in after if any(sign in name for sign in _UNFINISHED)]
    if left:
        return f"{what}it left {', '.join(left)}"
    if before:
        kept = "out/checkpoint_last.pt"
        if kept not in told[0]:
            return f"{what}it did not name the last checkpoint: {told[0]}"
        return None if after.get(kept) == before[kept] else f"{what}it lost {kept}"
    new = [name for name in after if not name.endswith(_MAY_BE_CUT)]
    cut = [name for name in new if (dest / name).stat().st_size >= limit]
    return f"{what}it left {', '.join(cut)}" if cut else None


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(folder)
    }
