"""Triples of texts: an original, its synonym view and its antonym view."""

import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, MissingFileError
from ..files import written_whole
from ..rewriting import Rewriter
from ..rewriting.words import word_spans

EPOCH = 1  # of the draws, as in scripts/rewrite.py
_CHUNK = 256  # texts rewritten at a time
_BOM = b"\xef\xbb\xbf"


class Triple(NamedTuple):
    """A text and its views, written as the text is but for the replaced words."""

    original: str
    synonym: str
    antonym: str


def decode_lines(data: bytes, name: str) -> list[str]:
    """The lines of a text; a line ends with a line feed alone.

    Raises:
        InputError: if a line is not UTF-8; with its number.
    """
    lines = data.removeprefix(_BOM).split(b"\n")
    if not lines[-1]:
        lines.pop()
    decoded = []
    for number, line in enumerate(lines, 1):
        try:
            decoded.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name}, line {number}: byte {error.start + 1} is no UTF-8: convert it first"
            ) from error
    return decoded


def make_triples(
    sentences: Iterable[str],
    rewriter: Rewriter,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Triple], int]:
    """Rewrite sentences; the replacements are those of scripts/rewrite.py with the same seed.

    Args:
        sentences: plain texts. White space in them becomes one space each.
        rewriter: makes the views, with its own seed.
        progress: called with the number of sentences that were done.

    Returns:
        the triples in the order of the sentences, and how many sentences were left out since one
        of their views has no replacement. Blank ones are not counted.
    """
    triples, left_out = [], 0
    numbered = ((i, " ".join(text.split())) for i, text in enumerate(sentences))
    numbered = ((i, text) for i, text in numbered if text)
    for chunk in iter(lambda: list(islice(numbered, _CHUNK)), []):
        spans = [word_spans(text) for _, text in chunk]
        words = [
            [text[start:end] for start, end in places]
            for (_, text), places in zip(chunk, spans, strict=True)
        ]
        results = rewriter.rewrite_texts(words, EPOCH, [i for i, _ in chunk])
        for (_, text), places, result in zip(chunk, spans, results, strict=True):
            if result.synonym_replaced.any() and result.antonym_replaced.any():
                views = (_put(text, places, view) for view in (result.synonym, result.antonym))
                triples.append(Triple(text, *views))
            else:
                left_out += 1
        progress(len(chunk))
    return triples, left_out


def _put(text, places, words):
    """The text with other words at these places."""
    parts, end = [], 0
    for (start, next_end), word in zip(places, words, strict=True):
        parts += text[end:start], word
        end = next_end
    return "".join([*parts, text[end:]])


def read_triples(path: Path) -> list[Triple]:
    """Read triples from JSON lines (of a file with the ending .jsonl), or from a TSV with a header.

    The fields, or columns, are ``original``, ``synonym`` and ``antonym``; others are left alone.
    There is no quoting in a TSV.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it holds something else; with its line.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no triples {path}: give a TSV or JSON lines with {', '.join(Triple._fields)}"
        )
    lines = decode_lines(path.read_bytes(), str(path))
    read = _read_json if _is_json(path) else _read_tsv
    triples = []
    for number, fields in read(path, lines):
        for name in Triple._fields:
            if not fields[name].strip():
                raise InputError(
                    f"{path}, line {number}: the {name} is empty: give a text, or leave the "
                    "triple out"
                )
        triples.append(Triple(*(" ".join(fields[name].split()) for name in Triple._fields)))
    if not triples:
        raise InputError(f"{path} holds no triples: give one a line")
    return triples


def write_triples(path: Path, triples: Iterable[Triple]) -> None:
    """Write triples in the form that :func:`read_triples` reads, by the ending of the file."""
    if _is_json(path):
        lines = [json.dumps(triple._asdict(), ensure_ascii=False) for triple in triples]
    else:
        lines = ["\t".join(row) for row in (Triple._fields, *triples)]
    with written_whole(path) as part:
        part.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")


def _is_json(path):
    return path.suffix == ".jsonl"


def _read_json(path, lines):
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: no JSON ({error}): give an object a line"
            ) from error
        for name in Triple._fields:
            if not isinstance(fields, dict) or not isinstance(fields.get(name), str):
                raise InputError(
                    f"{path}, line {number}: no text {name!r}: give an object with the texts "
                    f"{', '.join(Triple._fields)}"
                )
        yield number, fields


def _read_tsv(path, lines):
    header = lines[0].split("\t") if lines else []
    for name in Triple._fields:
        if name not in header:
            raise InputError(
                f"{path}, line 1: no column {name!r} among {', '.join(map(repr, header))}: give a "
                f"first line that names {', '.join(Triple._fields)}, with tabs between"
            )
    for number, line in enumerate(lines[1:], 2):
        row = line.split("\t")
        if not line.strip():
            continue
        if len(row) != len(header):
            raise InputError(
                f"{path}, line {number}: expected {len(header)} fields with tabs between "
                f"({', '.join(header)}), found {len(row)}"
            )
        yield number, dict(zip(header, row, strict=True))
