"""Labelled texts in a folder: a folder of texts for each label, or a file for each label."""

from pathlib import Path

from ..errors import InputError
from .labelled_text import Row, undecodable


def read_text_folder(folder: Path, encoding: str = "utf-8") -> list[Row]:
    """Read the texts of a folder.

    A folder for each label has a text in each .txt file (as IMDb: pos/0_9.txt, neg/0_3.txt).
    Otherwise, files with the same name have the label as suffix and a text in each line (as MR:
    rt-polarity.pos, rt-polarity.neg).

    Args:
        folder: the folder.
        encoding: encoding of the texts.

    Returns:
        rows as those of :func:`~.labelled_text.read_rows`, with ``text`` and ``label``, ordered by
        label and file.

    Raises:
        InputError: if the folder has no such texts, or if they are not in the encoding.
    """
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    rows = [
        (str(path), {"text": _read(path, encoding), "label": label.name})
        for label in visible
        if label.is_dir()
        for path in sorted(label.glob("*.txt"))
    ]
    if rows:
        return rows
    names = {path.stem for path in visible if path.is_file() and path.suffix}
    files = [[p for p in visible if p.is_file() and p.suffix and p.stem == n] for n in names]
    sets = [paths for paths in files if len(paths) > 1]
    if len(sets) != 1:
        raise InputError(
            f"{folder} has neither a folder with .txt files for each label nor files that differ "
            "in a label at the end of their names, such as texts.pos and texts.neg: specify the "
            "folder that has"
        )
    return [
        (f"{path}, line {number}", {"text": line, "label": path.suffix[1:]})
        for path in sets[0]
        for number, line in enumerate(_read(path, encoding).split("\n"), 1)
        if line.strip()
    ]


def _read(path, encoding):
    try:
        return path.read_bytes().decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise undecodable(path, error) from error
