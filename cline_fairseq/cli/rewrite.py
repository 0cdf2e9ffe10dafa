"""Rewrite text: a synonym view and an antonym view of each line.

Writes JSON lines, or texts below each other for people to read (--format text, the default on a
terminal). The output is the same for any number of workers:

    echo 'The mice ran quickly over the better fences.' | cline-fairseq rewrite
    cline-fairseq rewrite --input corpus.txt --output views.jsonl --workers 2
    cline-fairseq rewrite --input corpus.txt --output views.0.jsonl --shard 0/8

It reads what cline-fairseq encode reads; rows become lines as there, with a blank one between them.

--shard I/N reads every N-th line, starting with line I (counted from 0); the views of a line do not
depend on it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from tqdm import tqdm

from ..atomic_io import atomic_write, require_folder_of
from ..parallel import ordered_map
from ..preprocessing.corpus_files import TEXT_FIELD, corpus_lines
from ..preprocessing.reading import too_long
from ..rewriting import Lexicon, Rewriter, Rewritten, Tagger, split_words
from ..rewriting.kinds import (
    ANTONYM_KINDS,
    SYNONYM_KINDS,
    Kind,
    format_kinds,
    parse_kinds,
)
from ..rewriting.spacy_tagger import MODEL, SpacyTagger
from ..runtime.locking import alone
from ..runtime.terminal import printable
from ..utf8 import decode_line
from .options import (
    Options,
    add_corpus_options,
    add_seed_option,
    inputs_of,
    parse_shard,
    program_parser,
)

CHUNK = 256  # texts that a worker rewrites at a time
CHUNK_CHARACTERS = 1 << 20  # a chunk that has so many takes no further text
COLORS = {"synonym": "\033[32m", "antonym": "\033[31m"}
NO_COLOR = "\033[0m"


def add_rewriter_options(parser: Options) -> None:
    """Add the options of :func:`build_rewriter` to a program."""
    add_seed_option(parser, "random seed of the rewrites")
    for view, ratio, kinds in (
        ("synonym", 0.4, SYNONYM_KINDS),
        ("antonym", 0.2, ANTONYM_KINDS),
    ):
        parser.add_argument(
            f"--{view}-ratio",
            type=float,
            default=ratio,
            metavar="FRACTION",
            help=f"fraction of the words to replace in the {view} view (default: %(default)s)",
        )
        parser.add_argument(
            f"--{view}-kinds",
            default=format_kinds(kinds),
            metavar="KIND=WEIGHT,...",
            help=f"kinds of replacements in the {view} view, with weights (default: %(default)s)",
        )
    parser.add_argument(
        "--enough-antonyms",
        type=float,
        default=1.0,
        metavar="FRACTION",
        help="stop adding random words to the antonym view once antonyms and co-hyponyms cover "
        "this fraction of --antonym-ratio; 0 adds none (default: %(default)s)",
    )
    parser.add_argument(
        "--one-kind-per-text",
        action="store_true",
        help="draw the kind of replacements once for each view of a text, not for each word",
    )
    parser.add_argument(
        "--lexicon",
        default="en",
        metavar="LEXICON",
        help="name of a lexicon, or an .npz file (default: %(default)s)",
    )
    parser.add_argument(
        "--tagger",
        default="en",
        metavar="TAGGER",
        help="name of a tagger, an .npz file, or spacy for spaCy's tagger (default: %(default)s)",
    )
    parser.add_argument(
        "--spacy-model",
        default=MODEL,
        metavar="NAME",
        help="spaCy model for --tagger spacy (default: %(default)s)",
    )


def build_rewriter(args: argparse.Namespace, match_edits: bool) -> Rewriter:
    """Build the rewriter that the options describe.

    Args:
        args: the options of the program.
        match_edits: whether both views have the same number of replacements.

    Raises:
        InputError: if an option has a bad value.
    """
    spacy = args.tagger == "spacy"
    tagger: Any = SpacyTagger(args.spacy_model) if spacy else Tagger.load(args.tagger)
    return Rewriter(
        Lexicon.load(args.lexicon),
        tagger,
        args.synonym_ratio,
        args.antonym_ratio,
        args.seed,
        parse_kinds(args.synonym_kinds, SYNONYM_KINDS),
        parse_kinds(args.antonym_kinds, ANTONYM_KINDS),
        args.enough_antonyms,
        match_edits,
        args.one_kind_per_text,
    )


class _Worker(NamedTuple):
    """What a worker process needs."""

    rewriter: Rewriter
    epoch: int
    render: Callable[[int, Rewritten], str]


_worker: _Worker


def start_worker(args: argparse.Namespace) -> None:
    """Build the rewriter of a worker process."""
    global _worker
    render = as_json if args.format == "json" else as_color if args.color else as_text
    _worker = _Worker(build_rewriter(args, args.match_edits), args.epoch, render)


def rewrite_chunk(chunk: list[tuple[int, str]]) -> tuple[str, int]:
    """Rewrite a chunk of numbered texts in a worker process.

    Returns:
        the output, and the number of words.
    """
    rewriter, epoch, render = _worker
    words = [split_words(text) for _, text in chunk]
    results = rewriter.rewrite_texts(words, epoch, [index for index, _ in chunk])
    lines = [render(index, r) for (index, _), r in zip(chunk, results, strict=True)]
    return "".join(lines), sum(map(len, words))


def as_json(index: int, result: Rewritten) -> str:
    """Format a result as a line of JSON.

    Args:
        index: number of the text.
        result: its views. The record holds the words of all views, and the kinds of the
            replacements, keyed by position.
    """
    record: dict[str, Any] = {
        "index": index,
        "original": result.original,
        "synonym": result.synonym,
        "antonym": result.antonym,
    }
    for name in ("synonym", "antonym"):
        kinds = getattr(result, f"{name}_kinds")
        replaced = getattr(result, f"{name}_replaced").nonzero()[0].tolist()
        record[f"{name}_replaced"] = {i: Kind(kinds[i]).name.lower() for i in replaced}
    return json.dumps(record, ensure_ascii=False) + "\n"


def as_text(
    index: int,
    result: Rewritten,
    mark: Callable[[str, str], str] = lambda name, word: f"[{word}]",
) -> str:
    """Format a result as three lines of text, with marked replacements.

    Args:
        index: number of the text, which is not shown.
        result: its views.
        mark: marks a replacement, given the name of the view and the word.
    """
    lines = [f"original  {printable(' '.join(result.original))}"]
    for name in ("synonym", "antonym"):
        view, replaced = getattr(result, name), getattr(result, f"{name}_replaced")
        view = map(printable, view)
        words = [mark(name, w) if r else w for w, r in zip(view, replaced, strict=True)]
        lines.append(f"{name}   {' '.join(words)}")
    return "\n".join(lines) + "\n\n"


def as_color(index: int, result: Rewritten) -> str:
    """Format a result as :func:`as_text` does, with colours for a terminal."""
    return as_text(index, result, lambda name, word: f"{COLORS[name]}{word}{NO_COLOR}")


def read_texts(
    files: Sequence[Path], shard: tuple[int, int], max_line: int, field: str = TEXT_FIELD
) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines in a shard of files, or of standard input.

    Args:
        files: what :func:`~.corpus_files.open_source` reads (none: standard input, as text).
        shard: its index and the number of shards.
        max_line: greatest length of a line in bytes.
        field: the field with the text, in files with rows.

    Raises:
        InputError: if a line has more than ``max_line`` bytes, or is not UTF-8.
    """
    part, parts = shard
    index = 0
    sources: Sequence[Path | None] = files or [None]
    for path in sources:
        name = path or "standard input"
        lines = corpus_lines(path, field, max_line) if path else _input_lines(max_line)
        for number, line in enumerate(lines, 1):
            if index % parts == part:
                yield index, decode_line(line, name, number).rstrip("\r")
            index += 1


def _input_lines(max_line):
    """The lines of standard input, each as soon as it is available."""
    lines = iter(lambda: sys.stdin.buffer.readline(max_line + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > max_line and not line.endswith(b"\n"):
            raise too_long(f"standard input, line {number}", max_line)
        yield line.removesuffix(b"\n")


def rewrite_all(
    texts: Iterable[tuple[int, str]], args: argparse.Namespace
) -> Iterator[tuple[str, int]]:
    """Rewrite numbered texts, with few of them in memory at any time.

    Args:
        texts: numbered texts.
        args: the options of the program.

    Yields:
        output in the order of the input, with its number of words.
    """
    return ordered_map(rewrite_chunk, chunks_of(texts), args.workers, start_worker, (args,))


def chunks_of(texts: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield lists of :data:`CHUNK` texts, or fewer if they are long."""
    chunk: list[tuple[int, str]] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == CHUNK or sum(len(text) for _, text in chunk) >= CHUNK_CHARACTERS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@contextmanager
def opened(output: Path | None) -> Iterator[TextIO]:
    """Open a file that appears when it is complete; standard output if ``output`` is None."""
    if output is None:
        yield sys.stdout
        return
    with (
        alone(output),
        atomic_write(output) as part,
        part.open("w", encoding="utf-8") as file,
    ):
        yield file


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_corpus_options(parser, required=False)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write (default: standard output)"
    )
    parser.add_argument(
        "--format",
        choices=("json", "text"),
        help="output format (default: text on a terminal, otherwise json)",
    )
    parser.add_argument(
        "--epoch",
        type=int,
        default=1,
        metavar="N",
        help="number of the epoch; each has other views (default: %(default)s)",
    )
    add_rewriter_options(parser)
    parser.add_argument(
        "--match-edits",
        action="store_true",
        help="replace as many words in the antonym view as in the synonym view, adding synonyms",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="number of processes (default: %(default)s)",
    )
    parser.add_argument(
        "--shard",
        type=parse_shard,
        default=(0, 1),
        metavar="I/N",
        help="read shard I of N, numbered from 0 (default: 0/1, all lines)",
    )
    args = parser.parse_args(argv)
    if args.workers < 1:
        parser.error("--workers must be at least 1")
    terminal = args.output is None and sys.stdout.isatty()
    args.format = args.format or ("text" if terminal else "json")
    args.color = terminal
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    require_folder_of(args.output)
    if args.workers > 1:
        build_rewriter(args, args.match_edits)  # raises errors here rather than in a worker
    files, field = inputs_of(args)
    texts = read_texts(files, args.shard, args.max_line_bytes, field)
    quiet = not sys.stderr.isatty() or (args.output is None and sys.stdout.isatty())
    with (
        opened(args.output) as out,
        tqdm(unit=" words", unit_scale=True, disable=quiet) as progress,
    ):
        for lines, num_words in rewrite_all(texts, args):
            out.write(lines)
            progress.update(num_words)
