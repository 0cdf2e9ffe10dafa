"""Triples of texts: an original, its synonym view and its antonym view."""

import csv
import json
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ..atomic_io import atomic_write
from ..errors import InputError
from ..rewriting import Rewriter, word_spans
from ..row_files import is_json_lines
from ..runtime.terminal import cell, from_cell
from .labelled_text import read_rows

EPOCH = 1  # the default of cline-fairseq rewrite
_CHUNK = 256  # texts rewritten at a time


class Triple(NamedTuple):
    """A text and its views, which differ from it only in the replaced words."""

    original: str
    synonym: str
    antonym: str


def make_triples(
    sentences: Iterable[str],
    rewriter: Rewriter,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Triple], int]:
    """Rewrite sentences, with the same replacements as cline-fairseq rewrite with the same seed.

    Args:
        sentences: plain texts. Runs of white space become one space.
        rewriter: makes the views, with its own seed.
        progress: called with the number of sentences done since the last call.

    Returns:
        triples in the order of the sentences, and the number of sentences that were left out
        because one of their views has no replacement. Blank sentences do not count.
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
            if result.has_contrast:
                views = (_put(text, places, view) for view in (result.synonym, result.antonym))
                triples.append(Triple(text, *views))
            else:
                left_out += 1
        progress(len(chunk))
    return triples, left_out


def _put(text, places, words):
    """Put other words at places of a text."""
    parts, end = [], 0
    for (start, next_end), word in zip(places, words, strict=True):
        parts += text[end:start], word
        end = next_end
    return "".join([*parts, text[end:]])


def read_triples(path: Path, quoting: str = "csv") -> list[Triple]:
    """Read triples from the fields ``original``, ``synonym`` and ``antonym``; others are ignored.

    Args:
        path: JSON lines, or a TSV whose first line names its columns; see
            :func:`~.labelled_text.read_rows`. In a TSV, an apostrophe at the beginning of a text is
            removed if =, +, - or @ follows, perhaps after more apostrophes.
        quoting: quoting of fields in a TSV; see there.

    Raises:
        MissingFileError: if the file does not exist.
        InputError: if it does not hold triples; with file and line.
    """
    triples = []
    for where, row in read_rows(path, quoting):
        texts = []
        for name in Triple._fields:
            text = row.get(name)
            if not isinstance(text, str):
                raise InputError(
                    f"{where}: no text {name!r} among {', '.join(map(repr, row))}: expected the "
                    f"fields {', '.join(Triple._fields)}"
                )
            text = text if is_json_lines(path) else from_cell(text)
            texts.append(" ".join(text.split()))
            if not texts[-1]:
                raise InputError(f"{where}: the {name} is empty: add a text, or remove the triple")
        triples.append(Triple(*texts))
    if not triples:
        raise InputError(
            f"{path} contains no triples: expected rows with {', '.join(Triple._fields)}, named in "
            "the first line of a TSV"
        )
    return triples


def write_triples(path: Path, triples: Iterable[Triple]) -> None:
    """Write triples for :func:`read_triples`, in the format that the suffix of the file says.

    In a TSV, texts that spreadsheets would take for formulas get an apostrophe in front.

    Args:
        path: a TSV file, or JSON lines.
        triples: what to write.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        if is_json_lines(path):
            for triple in triples:
                file.write(json.dumps(triple._asdict(), ensure_ascii=False) + "\n")
        else:
            rows = (map(cell, triple) for triple in (Triple._fields, *triples))
            csv.writer(file, "excel-tab", lineterminator="\n").writerows(rows)
