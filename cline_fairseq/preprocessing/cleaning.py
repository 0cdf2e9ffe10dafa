"""Cleaning of text, line by line, and counts of what was left out and why."""

import hashlib
import unicodedata
from collections import Counter
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .reading import Block

NORMALIZATIONS = ("NFC", "NFD", "NFKC", "NFKD")
ON_ERRORS = ("strict", "replace", "skip")
_WAYS = 4  # slots that a hash may stand in
BLANK = np.uint64(0)
REPAIRED = "undecodable, replaced"  # counted among what is left out, though such lines stay


class Cleaning(NamedTuple):
    """What is done to lines before they are encoded. By default they are only stripped.

    Attributes:
        errors: what bytes that are no UTF-8 do: ``strict`` ends the run, ``replace`` puts U+FFFD
            in their place, ``skip`` leaves the line out.
        normalize: one of Unicode's normalization forms, or none.
        max_chars: longer lines are left out; 0 for no limit.
        min_letters: lines where a smaller share of the characters, spaces aside, are letters are
            left out.
        drop_blank: of several blank lines, which end a document, one stays.
    """

    errors: str = "strict"
    normalize: str | None = None
    max_chars: int = 0
    min_letters: float = 0.0
    drop_blank: bool = False

    def checked(self) -> "Cleaning":
        """The same.

        Raises:
            InputError: if a value is out of range.
        """
        if self.max_chars < 0:
            raise InputError(f"--max-chars must be positive, or 0, not {self.max_chars}")
        if not 0 <= self.min_letters <= 1:
            raise InputError(f"--min-letters must be a share from 0 to 1, not {self.min_letters}")
        return self


def clean_lines(block: Block, cleaning: Cleaning) -> tuple[list[str], Counter]:
    """The lines of a block, stripped and cleaned, and how many were left out by reason.

    Blank lines stay, since they end documents.

    Raises:
        InputError: naming file and line, at bytes that are no UTF-8.
    """
    dropped: Counter = Counter()
    lines = [line.strip() for line in _decode(block, cleaning.errors, dropped)]
    if cleaning.normalize:
        lines = [unicodedata.normalize(cleaning.normalize, line) for line in lines]
    if cleaning.max_chars:
        lines = _keep(lines, lambda s: len(s) <= cleaning.max_chars, "too long", dropped)
    if cleaning.min_letters:
        lines = _keep(lines, lambda s: _is_text(s, cleaning.min_letters), "not text", dropped)
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
            lines.append(line.decode())
        except UnicodeDecodeError as error:
            if errors == "strict":
                raise InputError(
                    f"{block.path}, line {number}: byte {error.start + 1} is no UTF-8 "
                    f"({error.reason}): convert the text, or give --errors replace or skip"
                ) from error
            dropped["undecodable" if errors == "skip" else REPAIRED] += 1
            if errors == "replace":
                lines.append(line.decode(errors="replace"))
    return lines


def _keep(lines, good, reason, dropped):
    kept = [line for line in lines if not line or good(line)]
    dropped[reason] += len(lines) - len(kept)
    return kept


def _is_text(line, min_letters):
    letters = sum(map(str.isalpha, line))
    return letters >= min_letters * (len(line) - sum(map(str.isspace, line)))


class RecentLines:
    """Finds lines that were there before, in constant memory.

    A table of the hashes of the last lines, some 16 million of them: what it calls a repetition is
    one. It may miss one where the first is long ago, or, rarely, where hashes crowd.

    Args:
        slots: of the table, 8 bytes each, a power of two.
    """

    def __init__(self, slots: int = 1 << 24):
        self._table = np.zeros((slots // _WAYS, _WAYS), np.uint64)

    def repeated(self, hashes: np.ndarray) -> np.ndarray:
        """Which hashes uint64 (N,) were there before, or earlier in this array: bool (N,).

        The hash BLANK is never a repetition.
        """
        repeated = np.ones(len(hashes), bool)
        repeated[np.unique(hashes, return_index=True)[1]] = False
        buckets = (hashes % np.uint64(len(self._table))).astype(np.intp)
        repeated |= (self._table[buckets] == hashes[:, None]).any(axis=1)
        repeated &= hashes != BLANK
        new = ~repeated
        rows = self._table[buckets[new]]
        rows[:, 1:] = rows[:, :-1].copy()  # the oldest one drops out
        rows[:, 0] = hashes[new]
        self._table[buckets[new]] = rows
        return repeated


def line_hashes(lines: list[str]) -> np.ndarray:
    """64-bit hashes (N,) of lines, BLANK of blank ones."""
    digests = [hashlib.blake2b(s.encode(), digest_size=8).digest() for s in lines]
    blank = np.array([not line for line in lines], bool)
    return np.where(blank, BLANK, np.frombuffer(b"".join(digests), np.uint64))
