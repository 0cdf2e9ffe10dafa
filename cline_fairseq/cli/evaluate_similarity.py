"""Sentence similarity: does the cosine agree with human scores, without fine-tuning?

Reads pairs of sentences with a score each, and correlates (Spearman) the scores with the cosines of
the sentences' vectors, for each layer and two poolings: the vector of <s>, which the contrastive
loss trains, and the mean over all tokens. From GLUE's STS-B:

    cline-fairseq evaluate-similarity --input STS-B/dev.tsv --quoting none \\
        --checkpoint CLINE=cline/checkpoint_last.pt --checkpoint RoBERTa=mlm/checkpoint_last.pt \\
        --json similarity.json

From SICK:

    cline-fairseq evaluate-similarity --input SICK.txt --text-column sentence_A \\
        --text2-column sentence_B --score-column relatedness_score --checkpoint checkpoint_last.pt

Files are TSV or CSV (.csv) with a header, JSON lines (.jsonl, .ndjson, .json) or Parquet.
Layer 0 is the embeddings, where <s> is the same for all sentences and has no correlation.
Correlations are times 100, with 95 % bootstrap intervals over the pairs. The best layer is the best
on this file; to report it, choose it on another one.

Alignment is the mean squared distance of pairs with a score of at least --similar, and uniformity
tells how evenly all sentences spread (Wang & Isola 2020); lower is better for both.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..atomic_io import write_json
from ..evaluation.sentence_pairs import read_scored_pairs
from ..evaluation.sentence_similarity_report import make_similarity_report, similarity_tables
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from .evaluate_hits import add_model_options, each_predictor
from .options import (
    add_json_option,
    add_quoting_option,
    add_seed_option,
    program_parser,
    require_files,
    require_ready,
)


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_model_options(parser)
    group = parser.add_argument_group("pairs")
    group.add_argument(
        "--input", type=Path, required=True, metavar="FILE", help="scored pairs of sentences"
    )
    add_quoting_option(group, "TSV and CSV files")
    for name, default, what in (
        ("text", "sentence1", "the first sentence"),
        ("text2", "sentence2", "the second sentence"),
        ("score", "score", "the score"),
    ):
        group.add_argument(
            f"--{name}-column",
            default=default,
            metavar="NAME",
            help=f"column with {what} (default: %(default)s)",
        )
    group.add_argument(
        "--similar",
        type=float,
        default=4.0,
        metavar="SCORE",
        help="minimum score of the pairs that alignment is measured on (default: %(default)s)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=1000,
        metavar="N",
        help="number of bootstrap resamples for the confidence intervals (default: %(default)s)",
    )
    add_seed_option(parser, "random seed of the bootstrap")
    add_json_option(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    require_ready(args.checkpoint, [args.json], resamples=args.resamples)
    require_files(args)
    columns = (args.text_column, args.text2_column, args.score_column)
    pairs = read_scored_pairs(args.input, columns, args.quoting)
    from ..evaluation.sentence_similarity import pair_vectors  # imports torch, which takes seconds

    texts = [text for pair in pairs for text in (pair.first, pair.second)]
    reports, truncation = [], {}
    for name, predictor in each_predictor(args):
        truncation[name] = count_truncated(predictor, texts)
        with tqdm(total=len(texts), desc=name, unit=" sentences", disable=None) as bar:
            cosines, last = pair_vectors(predictor, pairs, bar.update)
        reports.append(
            make_similarity_report(
                name, pairs, cosines, last, args.similar, args.resamples, args.seed
            )
        )
    num_similar = sum(pair.score >= args.similar for pair in pairs)
    lines = [
        f"{len(pairs):,} pairs, {num_similar:,} of them with a score of at least {args.similar:g}"
    ]
    lines += filter(None, (truncation_sentence(*item) for item in truncation.items()))
    print(printable("\n".join([*lines, "", similarity_tables(reports)])), end="")
    if args.json:
        record = {
            "pairs": len(pairs),
            "similar": args.similar,
            "similar_pairs": num_similar,
            "resamples": args.resamples,
            "seed": args.seed,
            "checkpoints": [{**r.as_dict(), **truncation[r.name]} for r in reports],
        }
        write_json(args.json, record)
