"""Hits: how often a layer puts a sentence closer to its synonym view than to its antonym view.

Reads one sentence per line and rewrites it; all checkpoints see the same triples of an original and
its two views. Sentences without a replacement in one of the views are left out and counted:

    cline-fairseq evaluate-hits --input sentences.txt \\
        --checkpoint CLINE=cline/checkpoint_last.pt --checkpoint RoBERTa=mlm/checkpoint_last.pt \\
        --json hits.json --plot hits.png

Tokenizer and dictionary are those that a checkpoint records, or files next to it; if they have
moved, pass --data, --bpe and --sentencepiece-model (or --gpt2-...).

Alternatively, pass triples of your own with --triples: a TSV whose first line names the columns
original, synonym and antonym, or JSON lines (.jsonl, .ndjson, .json) with these fields. In a TSV,
--save-triples puts an apostrophe in front of texts that begin with =, +, - or @, so that
spreadsheets do not take them for formulas; --triples removes it again.

Layer 0 is the embeddings. Figures are percentages of the triples, a tie counting one half, with
95 % bootstrap intervals over the triples. Chance is 50, which is also what layer 0 scores with the
vector of <s> (CLS), the same for all texts there.

Both views have the same number of replaced words. With --edits paper, synonym views have twice as
many as antonym views (--synonym-ratio, --antonym-ratio), and a model that only counts the words
that two texts share scores far below 50. The last row of the table is the score of such counting.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from ..atomic_io import require_text, write_json
from ..errors import InputError
from ..evaluation.hits_report import TITLES, HitsReport, hits_table, make_report
from ..evaluation.in_turn import load_in_turn
from ..evaluation.shared_words import shared_words_share
from ..evaluation.triples import Triple, make_triples, read_triples, write_triples
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from ..utf8 import decode_lines
from .figures import load_pyplot, save_figure
from .options import (
    add_checkpoints_options,
    add_json_option,
    add_quoting_option,
    add_resamples_option,
    program_parser,
    require_files,
    require_ready,
)
from .rewrite import add_rewriter_options, build_rewriter

if TYPE_CHECKING:
    from ..inference import Predictor


class Triples(NamedTuple):
    """Triples, and the number of sentences that were left out."""

    triples: list[Triple]
    left_out: int


def add_triples_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`load_triples` to a program."""
    group = parser.add_argument_group("triples")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help="text with one sentence per line (default: standard input)",
    )
    source.add_argument(
        "--triples", type=Path, metavar="FILE", help="triples of your own: TSV or JSON lines"
    )
    group.add_argument(
        "--save-triples",
        type=Path,
        metavar="FILE",
        help="write the triples to this .tsv or .jsonl file",
    )
    add_quoting_option(group, "a TSV of --triples")
    group.add_argument(
        "--edits",
        choices=("matched", "paper"),
        default="matched",
        help="matched: replace the same number of words in both views; paper: follow "
        "--synonym-ratio and --antonym-ratio (default: %(default)s)",
    )
    add_rewriter_options(group)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`each_predictor` to a program."""
    group = parser.add_argument_group("checkpoints")
    add_checkpoints_options(
        group, "a CLINE or RoBERTa model", "folder with the dict.txt of all checkpoints"
    )
    group.add_argument(
        "--device", help="torch device, e.g. cpu or cuda:1 (default: a GPU if one is available)"
    )


def load_triples(args: argparse.Namespace) -> Triples:
    """Read or make the triples that the options name, and save them if asked to.

    Raises:
        InputError: if no triple is found.
    """
    found = (
        Triples(read_triples(args.triples, args.quoting), 0)
        if args.triples
        else rewrite_sentences(args)
    )
    if args.save_triples:
        write_triples(args.save_triples, found.triples)
    return found


def rewrite_sentences(args: argparse.Namespace) -> Triples:
    """Make triples from the sentences that the options name.

    Raises:
        InputError: if no sentence has replacements in both views.
    """
    if args.input:
        require_text(args.input)
    data = args.input.read_bytes() if args.input else sys.stdin.buffer.read()
    name = str(args.input or "standard input")
    sentences = decode_lines(data, name)
    count = sum(not sentence.isspace() for sentence in sentences if sentence)
    if not count:
        raise InputError(f"{name} contains no sentences: expected one per line")
    with tqdm(total=count, desc="rewriting", unit=" sentences", disable=None) as bar:
        rewriter = build_rewriter(args, args.edits == "matched")
        triples, left_out = make_triples(sentences, rewriter, bar.update)
    if not triples:
        raise InputError(
            f"{name} contains no sentence with replacements in both views ({left_out:,} were left "
            "out): use longer English sentences, or higher ratios"
        )
    return Triples(triples, left_out)


def describe(found: Triples, truncation: Mapping[str, Mapping[str, int]]) -> str:
    """Describe what was measured on, for people.

    Args:
        found: the triples.
        truncation: what :func:`count_truncated` returns, keyed by the checkpoints' names.
    """
    lines = [f"triples: {len(found.triples):,}"]
    if found.left_out:
        lines.append(f"sentences left out, without a replacement in a view: {found.left_out:,}")
    sentences = [truncation_sentence(name, counts) for name, counts in truncation.items()]
    return "\n".join([*lines, *filter(None, sentences)])


def summary(found: Triples, args: argparse.Namespace) -> dict[str, Any]:
    """Describe what was measured on as plain values, with the options that it depends on."""
    return {
        **({} if args.triples else {"edits": args.edits}),
        "triples": len(found.triples),
        "left_out": found.left_out,
        "seed": args.seed,
        "resamples": args.resamples,
    }


def each_predictor(args: argparse.Namespace) -> "Iterator[tuple[str, Predictor]]":
    """Yield the predictors of the checkpoints one by one, with their names."""
    from ..inference import Predictor  # imports torch, which takes seconds

    options: dict[str, Any] = TokenizerFiles.of(args).given()
    return load_in_turn(
        {
            name: partial(Predictor.from_checkpoint, path, args.data, device=args.device, **options)
            for name, path in args.checkpoint
        }
    )


def draw(reports: Sequence[HitsReport], path: Path) -> None:
    """Draw Hits by layer, with a panel for each similarity and 95 % intervals as bands.

    Args:
        reports: one for each checkpoint.
        path: the PNG file to write.
    """
    plt = load_pyplot()
    figure, axes = plt.subplots(
        2, 2, figsize=(10, 7.5), sharex=True, sharey=True, constrained_layout=True
    )
    for i, (axis, title) in enumerate(zip(axes.flat, TITLES.values(), strict=True)):
        for report in reports:
            layers = range(len(report.hits))
            value, low, high = 100 * report.hits[:, i].T
            axis.plot(layers, value, "o-", label=report.name)
            axis.fill_between(layers, low, high, alpha=0.2)
        axis.axhline(50, color="gray", linestyle=":")
        axis.set(title=title, xlabel="layer", ylabel="Hits, %")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.label_outer()
        axis.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.suptitle("closer to the synonym view than to the antonym view")
    save_figure(path, figure)
    plt.close(figure)


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_model_options(parser)
    add_triples_options(parser)
    add_resamples_option(parser)
    add_json_option(parser)
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw Hits by layer to this PNG file"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    outputs = [args.json, args.plot, args.save_triples]
    require_ready(args.checkpoint, outputs, resamples=args.resamples)
    require_files(args)
    if args.plot:
        load_pyplot()
    found = load_triples(args)
    from ..evaluation.hits import evaluate_hits

    reports, truncation = [], {}
    for name, predictor in each_predictor(args):
        truncation[name] = count_truncated(
            predictor, [text for triple in found.triples for text in triple]
        )
        with tqdm(total=len(found.triples), desc=name, unit=" triples", disable=None) as bar:
            results = evaluate_hits(predictor, found.triples, progress=bar.update)
        reports.append(make_report(name, results, args.resamples, args.seed))
    shared = shared_words_share(found.triples, args.resamples, args.seed)
    print(printable(f"{describe(found, truncation)}\n\n{hits_table(reports, shared)}"), end="")
    if args.json:
        checkpoints = [{**report.as_dict(), **truncation[report.name]} for report in reports]
        figures = {"shared_words": shared.as_dict(), "checkpoints": checkpoints}
        write_json(args.json, {**summary(found, args), **figures})
    if args.plot:
        draw(reports, args.plot)
