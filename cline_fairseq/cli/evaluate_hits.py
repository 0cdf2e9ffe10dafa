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
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..atomic_io import write_json
from ..evaluation.hits_report import TITLES, HitsReport, hits_table, make_report
from ..evaluation.shared_words import shared_words_share
from ..evaluation.truncation import count_truncated
from ..runtime.terminal import printable
from .figures import load_pyplot, save_figure
from .options import (
    add_json_option,
    add_resamples_option,
    program_parser,
    require_files,
    require_ready,
)
from .triples import (
    add_model_options,
    add_triples_options,
    describe,
    each_predictor,
    load_triples,
    summary,
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
