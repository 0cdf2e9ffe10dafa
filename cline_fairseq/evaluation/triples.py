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
from ..runtime.terminal import cell, from_cell
from .labelled_text import is_json_lines, read_rows

EPOCH = 1  # of the draws, as in cline-fairseq rewrite
_CHUNK = 256  # texts rewritten at a time


class Triple(NamedTuple):
    """A text and its views, written as the text is but for the replaced words."""

    original: str
    synonym: str
    antonym: str


def make_triples(
    sentences: Iterable[str],
    rewriter: Rewriter,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[list[Triple], int]:
    """Rewrite sentences; the replacements are those of cline-fairseq rewrite with the same seed.

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
            if result.has_contrast:
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


def read_triples(path: Path, quoting: str = "csv") -> list[Triple]:
    """Read triples: the fields ``original``, ``synonym`` and ``antonym``; others are left alone.

    Args:
        path: JSON lines, or a TSV whose first line names its columns; see
            :func:`~.labelled_text.read_rows`. In a TSV, an apostrophe at the beginning of a text is
            left out if =, +, - or @ follows, perhaps after more apostrophes.
        quoting: of a TSV; see there.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it holds something else; with its line.
    """
    triples = []
    for where, row in read_rows(path, quoting):
        texts = []
        for name in Triple._fields:
            text = row.get(name)
            if not isinstance(text, str):
                raise InputError(
                    f"{where}: no text {name!r} among {', '.join(map(repr, row))}: give the fields "
                    f"{', '.join(Triple._fields)}"
                )
            text = text if is_json_lines(path) else from_cell(text)
            texts.append(" ".join(text.split()))
            if not texts[-1]:
                raise InputError(
                    f"{where}: the {name} is empty: give a text, or leave the triple out"
                )
        triples.append(Triple(*texts))
    if not triples:
        raise InputError(
            f"{path} holds no triples: give rows with {', '.join(Triple._fields)}, named in the "
            "first line of a TSV"
        )
    return triples


def write_triples(path: Path, triples: Iterable[Triple]) -> None:
    """Write triples in the form that :func:`read_triples` reads, by the ending of the file.

    In a TSV, texts that spreadsheets would take for formulas get an apostrophe in front.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        if is_json_lines(path):
            for triple in triples:
                file.write(json.dumps(triple._asdict(), ensure_ascii=False) + "\n")
        else:
            rows = (map(cell, triple) for triple in (Triple._fields, *triples))
            csv.writer(file, "excel-tab", lineterminator="\n").writerows(rows)
