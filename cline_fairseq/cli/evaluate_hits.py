"""Hits: how often a layer puts a sentence closer to its synonym view than to its antonym view.

Takes sentences, one a line, and rewrites them; all checkpoints see the same triples of an original
and its two views. Sentences where either view has no replacement are left out, and counted:

    cline-fairseq evaluate-hits --input sentences.txt \\
        --checkpoint CLINE=cline/checkpoint_last.pt --checkpoint RoBERTa=mlm/checkpoint_last.pt \\
        --json hits.json --plot hits.png

Tokenizer and dictionary are those that a checkpoint records, or those beside it; --data, --bpe and
--sentencepiece-model (or --gpt2-...) say where they are now if they have moved.

Or takes triples of your own, with --triples: a TSV whose first line names the columns original,
synonym and antonym, or JSON lines (.jsonl, .ndjson, .json) with these fields. In a TSV,
--save-triples puts an apostrophe in front of texts that begin with =, +, - or @, so that
spreadsheets do not take them for formulas; --triples leaves it out again.

Layer 0 is the embeddings. Numbers are percent of the triples, a tie counts one half, and 95 %
bootstrap intervals over the triples are behind them. A coin would give 50, as does layer 0 by the
vector of <s> (CLS), which is the same in all texts there.

The same number of words is replaced in both views. With --edits paper, twice as many are replaced
in synonym views as in antonym views (--synonym-ratio, --antonym-ratio), and a model that only
counts the words that two texts share scores far below 50. The last row of the table is that score.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from ..atomic_io import require_text, write_json
from ..errors import InputError
from ..evaluation.hits_report import TITLES, HitsReport, as_markdown, make_report
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import QUOTINGS
from ..evaluation.shared_words import shared_words_share
from ..evaluation.triples import Triple, make_triples, read_triples, write_triples
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from ..utf8 import decode_lines
from .figures import load_pyplot, save_figure
from .options import add_checkpoints_options, program_parser, require_files, require_ready
from .rewrite import add_rewriter_options, build_rewriter


class Triples(NamedTuple):
    """Triples, and how many sentences were left out of them."""

    triples: list[Triple]
    left_out: int


def add_triples_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options of :func:`load_triples`."""
    group = parser.add_argument_group("triples")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--input", type=Path, help="one sentence a line (default: standard input)")
    source.add_argument("--triples", type=Path, help="triples of your own: TSV or JSON lines")
    group.add_argument("--save-triples", type=Path, help="write them into this .tsv or .jsonl")
    group.add_argument("--quoting", choices=list(QUOTINGS), default="csv", help="of --triples, TSV")
    group.add_argument(
        "--edits",
        choices=("matched", "paper"),
        default="matched",
        help="matched: both views have the same number of replaced words; paper: as many as "
        "--synonym-ratio and --antonym-ratio say (default: matched)",
    )
    add_rewriter_options(group)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options of :func:`each_predictor`."""
    group = parser.add_argument_group("checkpoints")
    add_checkpoints_options(
        group, "a CLINE or RoBERTa model", "folder with the dict.txt of all checkpoints"
    )
    group.add_argument(
        "--device", help="of torch, as cpu or cuda:1 (default: a GPU if there is one)"
    )


def load_triples(args) -> Triples:
    """The triples of the options, which are saved if that is wanted.

    Raises:
        InputError: if there are none.
    """
    found = (
        Triples(read_triples(args.triples, args.quoting), 0)
        if args.triples
        else rewrite_sentences(args)
    )
    if args.save_triples:
        write_triples(args.save_triples, found.triples)
    return found


def rewrite_sentences(args) -> Triples:
    """The triples of the sentences that the options name."""
    if args.input:
        require_text(args.input)
    data = args.input.read_bytes() if args.input else sys.stdin.buffer.read()
    name = str(args.input or "standard input")
    sentences = decode_lines(data, name)
    count = sum(not sentence.isspace() for sentence in sentences if sentence)
    if not count:
        raise InputError(f"{name} holds no sentences: give one a line")
    with tqdm(total=count, desc="rewriting", unit=" sentences", disable=None) as bar:
        rewriter = build_rewriter(args, args.edits == "matched")
        triples, left_out = make_triples(sentences, rewriter, bar.update)
    if not triples:
        raise InputError(
            f"{name} holds no sentence with replacements in both views ({left_out:,} were left "
            "out): give longer sentences of English, or higher ratios"
        )
    return Triples(triples, left_out)


def describe(found: Triples, cut: dict[str, dict[str, int]]) -> str:
    """What was measured on, for people.

    Args:
        found: the triples.
        cut: :func:`count_truncated` of each checkpoint.
    """
    lines = [f"triples: {len(found.triples):,}"]
    if found.left_out:
        lines.append(f"sentences left out, without a replacement in a view: {found.left_out:,}")
    sentences = [truncation_sentence(name, counts) for name, counts in cut.items()]
    return "\n".join([*lines, *filter(None, sentences)])


def summary(found: Triples, args) -> dict[str, Any]:
    """The same for programs, and what draws depend on."""
    return {
        **({} if args.triples else {"edits": args.edits}),
        "triples": len(found.triples),
        "left_out": found.left_out,
        "seed": args.seed,
        "resamples": args.resamples,
    }


def each_predictor(args):
    """The predictors of the checkpoints one by one, with their names."""
    from ..inference import Predictor  # takes seconds, --help does not

    options = TokenizerFiles.of(args).given()
    return load_in_turn(
        {
            name: partial(Predictor.from_checkpoint, path, args.data, device=args.device, **options)
            for name, path in args.checkpoint
        }
    )


def draw(reports: list[HitsReport], path: Path) -> None:
    """Hits by layer, a panel for each similarity; bands are 95 % intervals."""
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


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    add_model_options(parser)
    add_triples_options(parser)
    parser.add_argument("--resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    parser.add_argument("--plot", type=Path, help="draw Hits by layer into this PNG")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq, which tells what it loads; there are bars
    args = _parse_args(argv)
    outputs = [args.json, args.plot, args.save_triples]
    require_ready(args.checkpoint, outputs, resamples=args.resamples)
    require_files(args)
    if args.plot:
        load_pyplot()
    found = load_triples(args)
    from ..evaluation.hits import evaluate_hits

    reports, cut = [], {}
    for name, predictor in each_predictor(args):
        cut[name] = count_truncated(
            predictor, [text for triple in found.triples for text in triple]
        )
        with tqdm(total=len(found.triples), desc=name, unit=" triples", disable=None) as bar:
            results = evaluate_hits(predictor, found.triples, progress=bar.update)
        reports.append(make_report(name, results, args.resamples, args.seed))
    shared = shared_words_share(found.triples, args.resamples, args.seed)
    print(printable(f"{describe(found, cut)}\n\n{as_markdown(reports, shared)}"), end="")
    if args.json:
        checkpoints = [{**report.as_dict(), **cut[report.name]} for report in reports]
        figures = {"shared_words": shared.as_dict(), "checkpoints": checkpoints}
        write_json(args.json, {**summary(found, args), **figures})
    if args.plot:
        draw(reports, args.plot)
