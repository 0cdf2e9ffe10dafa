"""The manifest next to an output records how it was made, so that a rerun skips complete output."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..atomic_io import write_json
from ..errors import InputError
from ..tokenizer import FILES

FORMAT = 1
# Options that earlier versions had, with the values that leave the output as it is now.
_FORMER_OPTIONS = {"drop_duplicates": False, "min_letters": 0.0}


def new_hash() -> "hashlib.blake2b":
    """A new hash object of the kind used for file digests."""
    return hashlib.blake2b(digest_size=16)


def file_digest(path: Path) -> str:
    """The BLAKE2 digest of a file, as :class:`~.reading.TextFile` computes it while reading; of a
    folder, that of the names and digests of its files."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        listed = "".join(f"{file.relative_to(path)} {file_digest(file)}\n" for file in files)
        return hashlib.blake2b(listed.encode(), digest_size=16).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, new_hash).hexdigest()


def describe(
    path: Path, stat: os.stat_result | None = None, digest: str | None = None
) -> dict[str, Any]:
    """Describe a file by its path, size, modification time and content.

    Args:
        path: the file, or a folder with files.
        stat: its status (default: its current status).
        digest: see :func:`file_digest` (default: the digest of its current content).
    """
    stat = stat or path.stat()
    return {
        "path": str(path),
        "bytes": stat.st_size,
        "modified": stat.st_mtime_ns,
        "digest": digest or file_digest(path),
    }


def describe_tokenizer(config: Mapping[str, Any]) -> list[str]:
    """What an output hangs on of a tokenizer: its name, what its files hold, and its settings.

    Args:
        config: fairseq's configuration of ``--bpe``.
    """
    name = config["_name"]
    digests = [file_digest(Path(config[option])) for option in FILES[name]]
    return [name, *digests, *(["cased"] if config.get("bpe_cased") else [])]


class Manifest:
    """A JSON file that is written when work on an output starts and again when it is finished.

    Args:
        path: the JSON file.
        options: everything that the output depends on besides the inputs, as plain values.
    """

    def __init__(self, path: Path, options: dict[str, Any]):
        self.path, self.options = path, options

    def start(self) -> None:
        """Record that the outputs are being made."""
        self._write({"finished": False})

    def finish(self, inputs: list[dict], outputs: list[dict], counts: dict[str, Any]) -> None:
        """Record that the outputs are complete.

        Args:
            inputs: the files that were read, see :func:`describe`.
            outputs: the files that were written.
            counts: what the outputs contain.
        """
        self._write({"finished": True, "inputs": inputs, "outputs": outputs, "counts": counts})

    def reason_to_rebuild(self, inputs: list[Path], outputs: list[Path]) -> str | None:
        """Why the outputs must be made, or None if they are complete.

        Args:
            inputs: the files to read.
            outputs: the files to write.

        Raises:
            InputError: if outputs exist that were made with other options or by another program.
        """
        if not self.path.exists():
            for path in outputs:
                if path.exists():
                    raise InputError(
                        f"{path} already exists, and no {self.path.name} says how it was made: "
                        "choose another place to write to, or use --overwrite"
                    )
            return "new"
        record, options = self._read(), {**_FORMER_OPTIONS, **self.options}
        other = {
            name: (old, options.get(name))
            for name, old in record["options"].items()
            if old != options.get(name)
        }
        if other:
            listed = ", ".join(f"{name} {old}, now {new}" for name, (old, new) in other.items())
            raise InputError(
                f"{outputs[0]} was made with other options ({listed}): choose another place to "
                "write to, or use --overwrite"
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
        """What the finished outputs contain."""
        return self._read()["counts"]

    def _read(self):
        try:
            record = json.loads(self.path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"its format is {record['format']}, not {FORMAT}")
            return record
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.path} is not a manifest of this program ({error}): choose another place "
                "to write to, or use --overwrite"
            ) from error

    def _write(self, record):
        record = {"format": FORMAT, "options": self.options, **record}
        write_json(self.path, record)


def _is(path, known):
    """Whether a file is the one described in ``known``; read only if it may have changed."""
    if path.is_dir():
        return file_digest(path) == known["digest"]
    stat = path.stat()
    if stat.st_size != known["bytes"]:
        return False
    untouched = (str(path), stat.st_mtime_ns) == (known["path"], known["modified"])
    return untouched or file_digest(path) == known["digest"]
