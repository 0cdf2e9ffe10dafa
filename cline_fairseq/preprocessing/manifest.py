"""The manifest beside an output: what it was made of, so that a rerun knows what is left to do."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ..atomic_io import write_json
from ..errors import InputError

FORMAT = 1


def new_hash():
    """What digests of files are made with."""
    return hashlib.blake2b(digest_size=16)


def file_digest(path: Path) -> str:
    """BLAKE2 of a file, the same as :class:`~.reading.TextFile` takes while it reads."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, new_hash).hexdigest()


def describe(
    path: Path, stat: os.stat_result | None = None, digest: str | None = None
) -> dict[str, Any]:
    """A file by its name, size, time and content, as they are now if they are not given."""
    stat = stat or path.stat()
    return {
        "path": str(path),
        "bytes": stat.st_size,
        "modified": stat.st_mtime_ns,
        "digest": digest or file_digest(path),
    }


class Manifest:
    """A JSON file that is written when work on an output starts, and again when it is done.

    Args:
        path: of the JSON file.
        options: all that the output hangs on beside the inputs, as plain values.
    """

    def __init__(self, path: Path, options: dict[str, Any]):
        self.path, self.options = path, options

    def start(self) -> None:
        """Say that the outputs are being made."""
        self._write({"finished": False})

    def finish(self, inputs: list[dict], outputs: list[dict], counts: dict[str, Any]) -> None:
        """Say that they are complete; files as :func:`describe` gives them."""
        self._write({"finished": True, "inputs": inputs, "outputs": outputs, "counts": counts})

    def reason_to_rebuild(self, inputs: list[Path], outputs: list[Path]) -> str | None:
        """Why the outputs must be made (anew), or None where they are complete.

        Raises:
            InputError: if there are outputs of other options, or of another program.
        """
        if not self.path.exists():
            for path in outputs:
                if path.exists():
                    raise InputError(
                        f"{path} is there already, and no {self.path.name} says how it was made: "
                        "give another place to write to, or --overwrite"
                    )
            return "new"
        record = self._read()
        other = {
            name: (old, self.options.get(name))
            for name, old in record["options"].items()
            if old != self.options.get(name)
        }
        if other:
            listed = ", ".join(f"{name} {old}, now {new}" for name, (old, new) in other.items())
            raise InputError(
                f"{outputs[0]} was made with other options ({listed}): give another place to "
                "write to, or --overwrite"
            )
        if not record["finished"]:
            return "it was not finished"
        if len(inputs) != len(record["inputs"]):
            return "other input files"
        for path, known in zip(inputs, record["inputs"], strict=True):
            if not _is(path, known):
                return f"{path} has changed"
        for path, known in zip(outputs, record["outputs"], strict=True):
            if not path.exists() or file_digest(path) != known["digest"]:
                return f"{path} is not complete"
        return None

    @property
    def counts(self) -> dict[str, Any]:
        """What the finished outputs hold."""
        return self._read()["counts"]

    def _read(self):
        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"its format is {record['format']}, not {FORMAT}")
            return record
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.path} is no manifest of this program ({error}): give another place to "
                "write to, or --overwrite"
            ) from error

    def _write(self, record):
        record = {"format": FORMAT, "options": self.options, **record}
        write_json(self.path, record)


def _is(path, known):
    """Whether a file is the one that was described; it is read only if it may have changed."""
    stat = path.stat()
    if stat.st_size != known["bytes"]:
        return False
    untouched = (str(path), stat.st_mtime_ns) == (known["path"], known["modified"])
    return untouched or file_digest(path) == known["digest"]
