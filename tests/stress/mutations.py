"""Break the files that programs read: each ends in one sentence, or in the same result."""

import hashlib
import itertools
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from programs import run
from stress.material import Material
from stress.readers import ANY, Reader, Readers, losses
from stress.trial import Trial

_NOISE = re.compile(r"Traceback|Exception ignored in|terminate called|Segmentation fault")
_MORE = 20  # lines of a program's output that are shown of a failure


def _empty(data, rng):
    return b""


def _cut(data, rng):
    return data[: rng.randrange(len(data))]


def _cut_at_line(data, rng):
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: rng.randrange(len(lines))])


def _bit(data, rng):
    i = rng.randrange(len(data))
    return data[:i] + bytes([data[i] ^ 1 << rng.randrange(8)]) + data[i + 1 :]


def _bits(data, rng):
    for _ in range(16):
        data = _bit(data, rng)
    return data


def _zeros(data, rng):
    start, length = rng.randrange(len(data)), len(data) // 8 + 1
    return (data[:start] + bytes(length) + data[start + length :])[: len(data)]


def _zeros_to_end(data, rng):
    start = rng.randrange(len(data))
    return data[:start] + bytes(len(data) - start)


def _doubled(data, rng):
    return data + data


WAYS = {
    "empty": _empty,
    "cut": _cut,
    "cut at the end of a line": _cut_at_line,
    "a bit flipped": _bit,
    "16 bits flipped": _bits,
    "zeros": _zeros,
    "zeros to the end": _zeros_to_end,
    "doubled": _doubled,
}


def mutations(material: Material, number: int, seed: int, folder: Path) -> Iterator[Trial]:
    """Break files, one at a time."""
    rng = random.Random(seed)
    readers = list(Readers(material, folder).all())
    expected = {}
    pairs = list(itertools.product(readers, WAYS))
    rng.shuffle(pairs)
    for i, (reader, way) in enumerate(itertools.islice(itertools.cycle(pairs), number)):
        if reader.what not in expected:
            result, expected[reader.what] = _try(reader, folder / "sound", None)
            if result.returncode:
                yield Trial(reader.what, f"it fails on sound files: {_end_of(result)}")
        yield _attempt(reader, way, f"{seed}.{i}", expected[reader.what], folder / "broken")


def _attempt(reader, way, seed, expected, folder):
    def spoil(data):
        return WAYS[way](data, random.Random(seed))

    result, found = _try(reader, folder, spoil)
    failure = None
    if result.returncode == 0:
        if found != expected and reader.unnoticed not in (ANY, way):
            failure = "accepted, with another result"
    elif len(re.findall(r"^error: ", result.stderr, re.MULTILINE)) != 1:
        failure = f"status {result.returncode} and not one sentence"
    if _NOISE.search(result.stderr):
        failure = "a traceback"
    if failure:
        failure = f"{way} (random seed {seed}): {failure}: {_end_of(result)}"
    return Trial(reader.what, failure)


def _try(reader: Reader, folder, spoil):
    """Run the program; its output, and its result."""
    shutil.rmtree(folder, ignore_errors=True)
    source, dest = folder / "source", folder / "dest"
    shutil.copytree(reader.source, source)
    dest.mkdir()
    if spoil:
        path = source / reader.file
        path.write_bytes(spoil(path.read_bytes()))
    result = run(*reader.command(source, dest), check=False)
    if result.stdout.startswith("{") or "fairseq-train" in reader.what:
        return result, losses(result.stdout + result.stderr)
    places = (dest, source) if "again" in reader.what else (dest,)
    return result, {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).digest()
        for place in places
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.name.endswith("manifest.json")
    }


def _end_of(result):
    return " / ".join(result.stderr.strip().splitlines()[-_MORE:])
