"""Published contrast sets, in the files in which their authors publish them."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..errors import InputError, MissingFileError
from .labelled_text import Row, read_rows

_LINE_BREAK = re.compile(r"(?:\s*<br\s*/?>)+\s*")
_QUOTED = re.compile('"(?:[^"]|"")*"')


class PublishedRows(NamedTuple):
    """What the files of a set hold.

    Attributes:
        files: rows of each file. Two files have the same order.
        left_out: numbers of rows that were left out, keyed by the reason.
    """

    files: list[list[Row]]
    left_out: dict[str, int]


class PublishedSet(NamedTuple):
    """Where a set is, and how to read it.

    Attributes:
        files: paths in the published folder, with ``{split}`` for the part; names of the options
            of ``cline-fairseq evaluate-contrast`` as keys, which say how they make sets.
        options: options that differ from their defaults.
        read: reads the rows, given the paths and how fields are quoted.
        least: how many folders and names at the end of a path tell the file from others.
    """

    files: Mapping[str, str]
    options: Mapping[str, Any]
    read: Callable[[Sequence[Path], str], PublishedRows]
    least: int = 1

    def paths(self, folder: Path, split: str) -> dict[str, Path]:
        """Find the files.

        Args:
            folder: a copy of the authors' repository, or a folder in it.
            split: part of the set, for those that have several.

        Returns:
            paths, keyed as in ``files``.

        Raises:
            MissingFileError: if a file is missing.
        """
        return {
            option: _find(folder, PurePosixPath(file.format(split=split)), self.least)
            for option, file in self.files.items()
        }


def _find(folder: Path, file: PurePosixPath, least: int) -> Path:
    for start in range(len(file.parts) - least + 1):
        path = folder.joinpath(*file.parts[start:])
        if path.is_file():
            return path
    raise MissingFileError(
        f"no {file} in {folder}: specify with --set-dir the folder with the files as their authors "
        "publish them, and with --split which part of the set to read"
    )


def read_files(paths: Sequence[Path], quoting: str) -> PublishedRows:
    """Read files that need no more than their columns' names."""
    return PublishedRows([read_rows(path, quoting) for path in paths], {})


def read_twice_quoted(paths: Sequence[Path], quoting: str) -> PublishedRows:
    """Read files some of whose fields were written as CSV twice, so that a second pair of quotation
    marks encloses the text, and those in it are doubled."""
    files, _ = read_files(paths, quoting)
    return PublishedRows([[(w, _map_texts(row, _unquoted)) for w, row in f] for f in files], {})


def read_boolq(paths: Sequence[Path], quoting: str) -> PublishedRows:
    """Read BoolQ's JSON as rows with a question and one of its perturbed questions each.

    The first entry is a template, and some entries have no perturbed questions yet.
    """
    (path,) = paths
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["data"][1:]
        rows, empty = [], 0
        for number, entry in enumerate(entries, 2):
            kept = [p for p in entry["perturbed_questions"] if p["perturbed_q"].strip()]
            empty += not kept
            shared = {name: entry[name] for name in ("title", "paragraph", "question", "answer")}
            rows += [
                (
                    f"{path}, entry {number}",
                    {
                        **shared,
                        "entry": str(number),
                        "perturbed_q": perturbed["perturbed_q"],
                        "perturbed_answer": perturbed["answer"],
                    },
                )
                for perturbed in kept
            ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is not BoolQ's contrast sets ({type(error).__name__}: {error}): expected "
            '{"data": [...]} with title, paragraph, question, answer and perturbed_questions'
        ) from error
    return PublishedRows([rows], {"questions without perturbed questions": empty} if empty else {})


def read_mctaco(paths: Sequence[Path], quoting: str) -> PublishedRows:
    """Read MCTACO's rows of a question and an answer, those with the same answer in both files.

    The indices of the two files differ, since answers were removed, added and edited. So each
    edited question is matched with the question that is most like it, by the words and by the
    answers that both share, and then their rows with equal answers.
    """
    (originals, contrasts), _ = read_files(paths, quoting)
    for path, rows in zip(paths, (originals, contrasts), strict=True):
        if not rows:
            raise InputError(f"{path} contains no examples: expected questions with answers")
    questions, edited = _by_question(originals), _by_question(contrasts)
    pairs = []
    for question, answers in edited.items():
        best = max(questions, key=lambda q: _likeness((q, questions[q]), (question, answers)))
        for answer in answers.keys() & questions[best].keys():
            pairs.append((questions[best].pop(answer), answers[answer]))
    order = {where: number for number, (where, _) in enumerate(contrasts)}
    pairs.sort(key=lambda pair: order[pair[1][0]])
    left_out = {
        f"rows of {path.name} without a partner": len(rows) - len(pairs)
        for path, rows in zip(paths, (originals, contrasts), strict=True)
        if len(rows) > len(pairs)
    }
    return PublishedRows([[pair[i] for pair in pairs] for i in range(2)], left_out)


def _by_question(rows):
    """Rows of MCTACO, keyed by question and answer."""
    found: dict[str, dict[str, Row]] = {}
    for where, row in rows:
        for name in ("sentence1", "sentence2"):
            if name not in row:
                raise InputError(
                    f"{where}: no {name!r} among {', '.join(map(repr, row))}: use the file as its "
                    "authors publish it"
                )
        found.setdefault(row["sentence1"], {})[row["sentence2"].strip()] = (where, row)
    return found


def _likeness(one, other):
    """How much two questions with their answers have in common, 0 to 2."""
    parts = [
        (set(one[0].lower().split()), set(other[0].lower().split())),
        (one[1].keys(), other[1].keys()),
    ]
    return sum(len(a & b) / len(a | b) for a, b in parts if a | b)


def without_line_breaks(rows: Sequence[Row]) -> list[Row]:
    """Replace HTML's line breaks (``<br />``) in all columns by spaces."""
    return [(where, _map_texts(row, lambda t: _LINE_BREAK.sub(" ", t))) for where, row in rows]


def _map_texts(row, change):
    return {name: change(v) if isinstance(v, str) else v for name, v in row.items()}


def _unquoted(text):
    is_quoted = '""' in text[1:-1] and _QUOTED.fullmatch(text)
    return text[1:-1].replace('""', '"') if is_quoted else text


PUBLISHED = {
    "boolq": PublishedSet(
        {"wide": "BoolQ/boolq_perturbed.json"},
        {
            "pair_column": "entry",
            "original_text_column": "question",
            "contrast_text_column": "perturbed_q",
            "text2_column": "paragraph",
            "original_label_column": "answer",
            "contrast_label_column": "perturbed_answer",
        },
        read_boolq,
    ),
    "perspectrum": PublishedSet(
        {"wide": "perspectrum/perspectrum_minimal_pairs.csv"},
        {
            "original_text_column": "original_claim",
            "contrast_text_column": "contrast_claim",
            "text2_column": "perspective",
            "original_label_column": "original_stance_label",
            "contrast_label_column": "contrast_stance_label",
            "skip_label": "unk",
        },
        read_files,
    ),
    "imdb": PublishedSet(
        {
            "originals": "IMDb/data/{split}_original.tsv",
            "contrasts": "IMDb/data/{split}_contrast.tsv",
        },
        {"text_column": "Text", "label_column": "Sentiment", "replace_breaks": True},
        read_twice_quoted,
    ),
    "imdb-counterfactual": PublishedSet(
        {"paired": "sentiment/combined/paired/{split}_paired.tsv"},
        {
            "pair_column": "batch_id",
            "text_column": "Text",
            "label_column": "Sentiment",
            "replace_breaks": True,
        },
        read_files,
    ),
    "nli-counterfactual": PublishedSet(
        {
            "originals": "NLI/original/{split}.tsv",
            "contrasts": "NLI/revised_combined/{split}.tsv",
        },
        {
            "contrasts_per_original": 4,
            "text_column": "sentence1",
            "text2_column": "sentence2",
            "label_column": "gold_label",
        },
        read_files,
        least=2,
    ),
    "mctaco": PublishedSet(
        {"originals": "MCTACO/original.tsv", "contrasts": "MCTACO/changed.tsv"},
        {
            "text_column": "sentence1",
            "text2_column": "sentence2",
            "label_column": "label",
            "quoting": "none",
        },
        read_mctaco,
    ),
}
"""The sets by name. Texts come in the order question and paragraph, claim and perspective, premise
and hypothesis, question and answer."""
