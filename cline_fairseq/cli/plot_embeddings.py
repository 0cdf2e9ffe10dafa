"""Draw the vectors of sentences and their two views, and measure how far apart they are.

Reads what cline-fairseq evaluate-hits reads, sentences or triples, and draws a panel for each
checkpoint. Lines connect some originals with their views:

    cline-fairseq plot-embeddings --input sentences.txt \\
        --checkpoint CLINE=cline/checkpoint_last.pt --checkpoint RoBERTa=mlm/checkpoint_last.pt \\
        --output embeddings.png

The vectors are scaled to the unit sphere first. The table has these figures for all triples:

    alignment     mean squared distance between an original and its synonym view; lower is better
    uniformity    spread of the originals: 0 if all are in one place; lower is better
    closer        percentage of originals closer to their synonym view; ties count one half
    margin        how much farther the antonym view is than the synonym view, on average
    shared_words  "closer" for a rule that only counts the words that two texts share

Alignment and uniformity are defined by Wang & Isola (2020, arXiv 2005.10242). Intervals are 95 %
bootstrap intervals over the triples; uniformity, which is about pairs, has none. t-SNE copes with a
few thousand sentences; --points limits their number.
"""

import argparse
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.geometry import unit
from ..evaluation.geometry_report import geometry_statistics, geometry_table, geometry_values
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

VIEWS = ("original", "synonym view", "antonym view")
COLORS = ("0.4", "C0", "C1")
POOLS = ("cls", "mean")
PERPLEXITY = 30


def load_sklearn() -> dict[str, Callable[..., Any]]:
    """Import the methods of projection, keyed by name.

    Raises:
        InputError: if scikit-learn is not installed.
    """
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ImportError:
        raise InputError(
            "scikit-learn is missing; install it with: pip install 'cline-fairseq[plot]'"
        ) from None
    return {"pca": PCA, "tsne": TSNE}


def project(vectors: np.ndarray, method: str, seed: int) -> np.ndarray:
    """Project vectors to the plane.

    Args:
        vectors: float (N, C).
        method: pca or tsne.
        seed: random seed of t-SNE.

    Returns:
        float (N, 2).
    """
    make = load_sklearn()[method]
    if method == "pca":
        return make(2, svd_solver="full").fit_transform(vectors)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    return make(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)


def draw(vectors: Mapping[str, np.ndarray], args: argparse.Namespace) -> None:
    """Draw a panel for each checkpoint.

    Args:
        vectors: sentence vectors on the unit sphere, (3, N, C), keyed by the checkpoints' names.
        args: the options of the program.
    """
    plt = load_pyplot()
    figure, axes = plt.subplots(
        1,
        len(vectors),
        figsize=(6 * len(vectors), 5.5),
        squeeze=False,
        constrained_layout=True,
    )
    for axis, (name, texts) in zip(axes[0], vectors.items(), strict=True):
        rng = np.random.default_rng(args.seed)  # the same sentences in all panels
        chosen = rng.permutation(texts.shape[1])[: args.points]
        shown = texts[:, chosen]
        places = project(shown.reshape(-1, shown.shape[2]), args.method, args.seed)
        places = places.reshape(3, -1, 2)
        for view in (1, 2):
            for i in range(min(args.lines, len(chosen))):
                ends = places[[0, view], i].T
                axis.plot(*ends, color=COLORS[view], linewidth=0.8, alpha=0.8, zorder=2)
        for points, label, color in zip(places, VIEWS, COLORS, strict=True):
            axis.scatter(*points.T, s=6, color=color, alpha=0.5, linewidths=0, label=label)
        axis.plot(*places[0, : args.lines].T, "k.", markersize=4, zorder=3)
        axis.set(title=name, xticks=[], yticks=[])
    axes[0, 0].legend(markerscale=2)
    method = {"pca": "PCA", "tsne": "t-SNE"}[args.method]
    pool = {"cls": "<s>", "mean": "the mean of tokens"}[args.pool]
    layer = "the last layer" if args.layer == -1 else f"layer {args.layer}"
    figure.suptitle(f"sentences by {pool} in {layer}, {method}")
    save_figure(args.output, figure)
    plt.close(figure)


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_model_options(parser)
    add_triples_options(parser)
    parser.add_argument(
        "--layer",
        type=int,
        default=-1,
        metavar="N",
        help="layer whose vectors to use; 0 is the embeddings, -1 the last layer "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--pool",
        choices=POOLS,
        default="cls",
        help="vector of a sentence: that of <s>, or the mean over its tokens "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--method",
        choices=("pca", "tsne"),
        default="pca",
        help="projection to the plane (default: %(default)s)",
    )
    parser.add_argument(
        "--points",
        type=int,
        default=1000,
        metavar="N",
        help="maximum number of triples to draw (default: %(default)s)",
    )
    parser.add_argument(
        "--lines",
        type=int,
        default=30,
        metavar="N",
        help="number of triples to connect with lines (default: %(default)s)",
    )
    add_resamples_option(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="the PNG file to write")
    add_json_option(parser, "the statistics")
    args = parser.parse_args(argv)
    if args.points < 1 or args.lines < 0:
        parser.error("--points must be at least 1, and --lines at least 0")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    outputs = [args.json, args.output, args.save_triples]
    require_ready(args.checkpoint, outputs, resamples=args.resamples)
    require_files(args)
    if args.output:
        load_pyplot()
        load_sklearn()
    found = load_triples(args)
    shared = shared_words_share(found.triples, args.resamples, args.seed)
    vectors, statistics, truncation = {}, {}, {}
    texts = [text for view in zip(*found.triples, strict=True) for text in view]
    for name, predictor in each_predictor(args):
        truncation[name] = count_truncated(predictor, texts)
        with tqdm(total=len(texts), desc=name, unit=" texts", disable=None) as bar:
            embedded = predictor.embed(texts, args.layer, args.pool, bar.update)
        vectors[name] = unit(embedded).reshape(3, len(found.triples), -1)
        measured = geometry_statistics(vectors[name], args.resamples, args.seed)
        statistics[name] = {**measured, "shared_words": shared}
    print(printable(f"{describe(found, truncation)}\n\n{geometry_table(statistics)}"), end="")
    if args.json:
        checkpoints = [
            {"name": name, **geometry_values(rows), **truncation[name]}
            for name, rows in statistics.items()
        ]
        options = {"layer": args.layer, "pool": args.pool}
        write_json(args.json, {**summary(found, args), **options, "checkpoints": checkpoints})
    if args.output:
        draw(vectors, args)
