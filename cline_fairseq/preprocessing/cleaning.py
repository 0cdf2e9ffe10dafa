"""Clean text line by line, and count what is dropped by reason."""

import unicodedata
from collections import Counter
from typing import Literal, NamedTuple, get_args

from ..errors import InputError
from ..utf8 import decode_line
from .reading import Block

Normalization = Literal["NFC", "NFD", "NFKC", "NFKD"]
NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)
ON_ERRORS = ("strict", "replace", "skip")
REPAIRED = "undecodable, replaced"  # counted with the dropped lines, although such lines stay
_ADVICE = "convert the text, or use --errors replace or skip"


class Cleaning(NamedTuple):
    """How lines are cleaned before they are encoded. By default they are only stripped.

    Attributes:
        errors: what to do with bytes that are not UTF-8: ``strict`` raises an error, ``replace``
            replaces them with U+FFFD, ``skip`` drops the line.
        normalize: Unicode normalization form; None leaves the text as it is.
        max_chars: drop longer lines; 0 means no limit.
        drop_blank: keep only one of several consecutive blank lines, which end a document.
    """

    errors: str = "strict"
    normalize: Normalization | None = None
    max_chars: int = 0
    drop_blank: bool = False

    def checked(self) -> "Cleaning":
        """Return self.

        Raises:
            InputError: if a value is out of range.
        """
        if self.max_chars < 0:
            raise InputError(f"--max-chars must be positive, or 0, not {self.max_chars}")
        return self


def clean_lines(block: Block, cleaning: Cleaning) -> tuple[list[str], Counter[str]]:
    """Strip and clean the lines of a block. Blank lines stay, because they end documents.

    Args:
        block: whole lines, as they are in the file.
        cleaning: how to clean them.

    Returns:
        the lines, and the number of dropped lines by reason.

    Raises:
        InputError: if bytes are not UTF-8 and ``errors`` is ``strict``; names file and line.
    """
    dropped: Counter[str] = Counter()
    lines = [line.strip() for line in _decode(block, cleaning.errors, dropped)]
    if cleaning.normalize:
        lines = [unicodedata.normalize(cleaning.normalize, line) for line in lines]
    if cleaning.max_chars:
        kept = [line for line in lines if len(line) <= cleaning.max_chars]
        dropped["too long"] += len(lines) - len(kept)
        lines = kept
    if cleaning.drop_blank:
        before = ["" if block.starts_document else "text", *lines]
        kept = [line for last, line in zip(before, lines, strict=False) if line or last]
        dropped["blank"] += len(lines) - len(kept)
        lines = kept
    return lines, dropped


def _decode(block, errors, dropped):
    try:
        return block.data.decode().split("\n")[:-1]
    except UnicodeDecodeError:
        pass
    lines = []
    for number, line in enumerate(block.data.split(b"\n")[:-1], block.line):
        try:
            lines.append(decode_line(line, block.path, number, _ADVICE))
        except InputError:
            if errors == "strict":
                raise
            dropped["undecodable" if errors == "skip" else REPAIRED] += 1
            if errors == "replace":
                lines.append(line.decode(errors="replace"))
    return lines
