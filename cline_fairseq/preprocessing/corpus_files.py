"""The files of a corpus: text, JSON lines, Parquet, Arrow, and the folders of data sets."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from ..errors import InputError, MissingFileError
from ..row_files import is_json_lines
from .reading import MAX_LINE, Source, TextFile
from .rows import ArrowFile, JsonLinesFile

TEXT_FIELD = "text"
_COMPRESSED = (".gz", ".xz", ".zst")
_ARROW = (".parquet", ".arrow")


def has_rows(path: Path) -> bool:
    """Whether a file holds rows, according to its name: JSON lines, Parquet or Arrow."""
    return _format(path) is not None


def open_source(
    path: Path, field: str = TEXT_FIELD, max_line: int = MAX_LINE, errors: str = "strict"
) -> Source:
    """Open a file of a corpus, in the format that its name says.

    Args:
        path: JSON lines if its name ends in .jsonl, .ndjson or .json, also before .gz, .xz or
            .zst; Parquet if it ends in .parquet; Arrow if it ends in .arrow; otherwise text, plain
            or as .gz, .xz or .zst.
        field: the field with the text, if the file has rows.
        max_line: maximum length of a line in bytes.
        errors: as for :class:`~.rows.RowTexts`.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it needs pyarrow, which is missing.
    """
    kind = _format(path)
    if kind is None:
        return TextFile(path, max_line)
    return (JsonLinesFile if kind == "JSON lines" else ArrowFile)(path, field, max_line, errors)


def corpus_files(inputs: Sequence[Path], split: str) -> list[Path]:
    """List the files of a corpus.

    Args:
        inputs: files, and folders of data sets: those that ``datasets`` saves (one data set, or a
            folder for each split), or with files of rows that are named after their split.
        split: the split to read of folders that have several.

    Raises:
        MissingFileError: if a file, a folder or a split does not exist.
        InputError: if it is not clear which files belong to the split.
    """
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
            files += _files_of_folder(path, split)
        elif path.is_file():
            files.append(path)
        else:
            raise MissingFileError(
                f"no text {path}: specify a file of text, JSON lines, Parquet or Arrow, or the "
                "folder of a data set"
            )
    return files


def corpus_lines(path: Path, field: str, max_line: int) -> Iterator[bytes]:
    """Yield the lines of a file, without line feeds.

    Args:
        path: see :func:`open_source`.
        field: the field with the text, if the file has rows.
        max_line: maximum length of a line in bytes.
    """
    for block in open_source(path, field, max_line).blocks():
        yield from block.data.split(b"\n")[:-1]


def _format(path: PurePath) -> str | None:
    """Name the format of a file with rows; None for text."""
    if path.suffix in _ARROW:
        return path.suffix
    bare = PurePath(path.stem) if path.suffix in _COMPRESSED else path
    return "JSON lines" if is_json_lines(Path(bare)) else None


def _files_of_folder(folder, split):
    if (folder / "dataset_dict.json").is_file():
        splits = _read_json(folder / "dataset_dict.json", "splits")
        if split not in splits:
            raise _no_split(folder, split, splits)
        return _files_of_folder(folder / split, split)
    if (folder / "state.json").is_file():
        return _files_of_saved(folder)
    return _files_by_name(folder, split)


def _files_of_saved(folder):
    """The files of a data set that ``datasets`` saved."""
    state = folder / "state.json"
    try:
        files = [folder / entry["filename"] for entry in _read_json(state, "_data_files")]
    except (KeyError, TypeError) as error:
        raise _damaged(state, error) from error
    for path in files:
        if not path.is_file():
            raise MissingFileError(f"no file {path}, which {state} names: save the data set again")
    return files


def _files_by_name(folder, split):
    """The files of rows in a folder that are named after a split, or lie in a folder of its name,
    such as data/train-00000-of-00002.parquet."""
    named = re.compile(rf"(?:^|[^a-zA-Z]){re.escape(split)}(?:[^a-zA-Z]|$)")
    found: dict[tuple[PurePath, str], list[Path]] = {}
    others: list[str] = []
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not (path.is_file() and has_rows(path)) or relative.parts[0].startswith("."):
            continue
        if named.search(path.name) or split in relative.parts[:-1]:
            found.setdefault((relative.parent, _format(path) or ""), []).append(path)
        else:
            others.append(str(relative))
    if not found:
        raise _no_split(folder, split, others)
    if len(found) > 1:
        raise InputError(
            f"{folder} has several sets of files for the split {split!r}, such as "
            f"{' and '.join(str(paths[0]) for paths in list(found.values())[:2])}: specify the "
            "folder with one of them, or the files"
        )
    return next(iter(found.values()))


def _no_split(folder, split, others):
    listed = ", ".join(others[:10]) + (", ..." if len(others) > 10 else "")
    return MissingFileError(
        f"no split {split!r} of a data set in {folder} (it has {listed or 'no files of rows'}): "
        "specify another with --input-split, or specify files"
    )


def _read_json(path, key):
    try:
        values = json.loads(path.read_text(encoding="utf-8"))[key]
        if not isinstance(values, list):
            raise TypeError(f"{key} is not a list")
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error
    return values


def _damaged(path, error):
    return InputError(
        f"{path} is not as datasets writes it ({type(error).__name__}: {error}): save the data "
        "set again"
    )
