"""Rewrite texts: for each line its synonym view and its antonym view.

Writes JSON lines, or texts side by side for people to read (--format text, the default on a
terminal). The output is the same for any number of workers:

    echo 'The mice ran quickly over the better fences.' | cline-fairseq rewrite
    cline-fairseq rewrite --input corpus.txt --output views.jsonl --workers 2
    cline-fairseq rewrite --input corpus.txt --output views.0.jsonl --shard 0/8

With --shard i/n it takes each n-th line from the i-th on, counted from 0; the views of a line are
those that it has without shards.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from tqdm import tqdm

from ..atomic_io import atomic_write, require_folder_of, require_text
from ..errors import InputError
from ..parallel import ordered_map
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
from .options import add_max_line_option, parse_shard, program_parser

CHUNK = 256  # texts that a worker rewrites at a time
CHUNK_CHARACTERS = 1 << 20  # of a chunk; what goes beyond is the last text
COLORS = {"synonym": "\033[32m", "antonym": "\033[31m"}
NO_COLOR = "\033[0m"


def add_rewriter_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options of :func:`build_rewriter`."""
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synonym-ratio", type=float, default=0.4, help="share of words")
    parser.add_argument("--antonym-ratio", type=float, default=0.2, help="share of words")
    parser.add_argument("--synonym-kinds", default=format_kinds(SYNONYM_KINDS), help="weights")
    parser.add_argument("--antonym-kinds", default=format_kinds(ANTONYM_KINDS), help="weights")
    parser.add_argument(
        "--enough-antonyms",
        type=float,
        default=1.0,
        help="no random words where antonyms and co-hyponyms make up this part of the share",
    )
    parser.add_argument(
        "--one-kind-per-text",
        action="store_true",
        help="draw the kind of replacements once for each view of a text, not for each word",
    )
    parser.add_argument("--lexicon", default="en", help="a name, or an .npz file")
    parser.add_argument(
        "--tagger", default="en", help="a name, an .npz file, or spacy for spaCy's tagger"
    )
    parser.add_argument("--spacy-model", default=MODEL, help="of --tagger spacy")


def build_rewriter(args, match_edits: bool) -> Rewriter:
    """The rewriter of the options; with ``match_edits``, both views have as many replacements."""
    spacy = args.tagger == "spacy"
    return Rewriter(
        Lexicon.load(args.lexicon),
        SpacyTagger(args.spacy_model) if spacy else Tagger.load(args.tagger),
        args.synonym_ratio,
        args.antonym_ratio,
        args.seed,
        parse_kinds(args.synonym_kinds, SYNONYM_KINDS),
        parse_kinds(args.antonym_kinds, ANTONYM_KINDS),
        args.enough_antonyms,
        match_edits,
        args.one_kind_per_text,
    )


def start_worker(args) -> None:
    """Build the rewriter of a worker process."""
    global rewriter, render, epoch
    rewriter, epoch = build_rewriter(args, args.match_edits), args.epoch
    render = as_json if args.format == "json" else as_color if args.color else as_text


def rewrite_chunk(chunk: list[tuple[int, str]]) -> tuple[str, int]:
    """The output for a chunk of numbered texts, and how many words it has."""
    words = [split_words(text) for _, text in chunk]
    results = rewriter.rewrite_texts(words, epoch, [index for index, _ in chunk])
    lines = [render(index, r) for (index, _), r in zip(chunk, results, strict=True)]
    return "".join(lines), sum(map(len, words))


def as_json(index: int, result: Rewritten) -> str:
    """A line of JSON: the words of all views, and the kinds of the replacements by position."""
    record = {
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


def as_text(index: int, result: Rewritten, mark=lambda name, word: f"[{word}]") -> str:
    """The three texts below each other, replacements marked."""
    lines = [f"original  {printable(' '.join(result.original))}"]
    for name in ("synonym", "antonym"):
        view, replaced = getattr(result, name), getattr(result, f"{name}_replaced")
        view = map(printable, view)
        words = [mark(name, w) if r else w for w, r in zip(view, replaced, strict=True)]
        lines.append(f"{name}   {' '.join(words)}")
    return "\n".join(lines) + "\n\n"


def as_color(index: int, result: Rewritten) -> str:
    """The same with replacements in colours."""
    return as_text(index, result, lambda name, word: f"{COLORS[name]}{word}{NO_COLOR}")


def read_texts(
    path: Path | None, shard: tuple[int, int], max_line: int
) -> Iterator[tuple[int, str]]:
    """The numbered lines of a shard of a file, or of standard input.

    Raises:
        InputError: if a line has more than ``max_line`` bytes, or is not UTF-8.
    """
    if path is not None:
        require_text(path)
    name = path or "standard input"
    part, parts = shard
    with path.open("rb") if path else nullcontext(sys.stdin.buffer) as file:
        for index, line in enumerate(iter(lambda: file.readline(max_line + 1), b"")):
            if len(line) > max_line and not line.endswith(b"\n"):
                raise InputError(
                    f"{name}, line {index + 1} has more than {max_line:,} bytes: give one "
                    "paragraph a line, or raise --max-line-bytes (rewriting takes about 100 times "
                    "as much memory)"
                )
            if index % parts == part:
                try:
                    yield index, line.decode().rstrip("\r\n")
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{name}, line {index + 1} is not UTF-8 text: {error}"
                    ) from error


def rewrite_all(texts: Iterable[tuple[int, str]], args) -> Iterator[tuple[str, int]]:
    """The output in the order of the input, with few chunks in memory at any time."""
    return ordered_map(rewrite_chunk, chunks_of(texts), args.workers, start_worker, (args,))


def chunks_of(texts: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Texts in lists of :data:`CHUNK`, fewer where they are long."""
    chunk: list[tuple[int, str]] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == CHUNK or sum(len(text) for _, text in chunk) >= CHUNK_CHARACTERS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


@contextmanager
def opened(output: Path | None):
    """The output, which appears when it is complete."""
    if output is None:
        yield sys.stdout
        return
    with (
        alone(output),
        atomic_write(output) as part,
        part.open("w", encoding="utf-8") as file,
    ):
        yield file


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    parser.add_argument("--input", type=Path, help="one text a line (default: standard input)")
    parser.add_argument("--output", type=Path, help="file to write (default: standard output)")
    parser.add_argument("--format", choices=("json", "text"), help="default: text on a terminal")
    parser.add_argument("--epoch", type=int, default=1, help="another epoch, other views")
    add_rewriter_options(parser)
    parser.add_argument(
        "--match-edits",
        action="store_true",
        help="replace as many words in the antonym view as in the synonym view, with synonyms too",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")
    add_max_line_option(parser)
    parser.add_argument("--shard", type=parse_shard, default=(0, 1), metavar="I/N")
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
        build_rewriter(args, args.match_edits)  # complains here rather than in a worker
    texts = read_texts(args.input, args.shard, args.max_line_bytes)
    quiet = not sys.stderr.isatty() or (args.output is None and sys.stdout.isatty())
    with (
        opened(args.output) as out,
        tqdm(unit=" words", unit_scale=True, disable=quiet) as progress,
    ):
        for lines, num_words in rewrite_all(texts, args):
            out.write(lines)
            progress.update(num_words)
