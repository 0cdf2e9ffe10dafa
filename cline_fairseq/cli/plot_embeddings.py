"""Draw the vectors of sentences and of their two views, and say how they lie to each other.

Takes what cline-fairseq evaluate-hits takes, sentences or triples, and makes a panel for each
checkpoint. Lines lead from some originals to their views:

    cline-fairseq plot-embeddings --input sentences.txt \\
        --checkpoint CLINE=cline/checkpoint_last.pt --checkpoint RoBERTa=mlm/checkpoint_last.pt \\
        --output embeddings.png

The vectors are put on the unit sphere first. The table says, of all triples:

    alignment     mean squared distance of an original and its synonym view; lower is better
    uniformity    of the originals: 0 where all are in one place; lower is better
    closer        percent of originals that are closer to the synonym view; ties count one half
    margin        how much farther the antonym view is than the synonym view, on average
    shared_words  "closer" for a rule that only counts the words that two texts share

The first two are those of Wang & Isola (2020, arXiv 2005.10242). Intervals are 95 % bootstrap
intervals over the triples; uniformity, which is of pairs, has none. t-SNE is good for some
thousands of sentences; --points draws fewer.
"""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.bootstrap import Share, bootstrap_shares
from ..evaluation.geometry import distances, uniformity, unit
from ..evaluation.shared_words import shared_words_share
from ..evaluation.truncation import count_truncated
from ..runtime.terminal import printable
from .evaluate_hits import (
    add_model_options,
    add_triples_options,
    describe,
    each_predictor,
    load_triples,
    summary,
)
from .figures import load_pyplot, save_figure
from .options import program_parser, require_files, require_ready

VIEWS = ("original", "synonym view", "antonym view")
COLORS = ("0.4", "C0", "C1")
POOLS = ("cls", "mean")
PERPLEXITY = 30


def load_sklearn():
    """The methods by name.

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
    """Points of the plane, (N, 2), for vectors (N, C); the same again with the same seed."""
    make = load_sklearn()[method]
    if method == "pca":
        return make(2, svd_solver="full").fit_transform(vectors)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    return make(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)


def statistics(vectors: np.ndarray, args) -> dict[str, Share]:
    """The rows of the table, of sentence vectors (3, N, C); NaN is what is not known."""
    found = distances(*vectors)
    columns = np.stack([found.alignment(), found.closer(), found.margin()], axis=1)
    alignment, closer, margin = bootstrap_shares(
        columns, np.ones_like(columns), args.resamples, args.seed
    )
    value = uniformity(vectors[0]) if vectors.shape[1] > 1 else math.nan
    return {
        "alignment": alignment,
        "uniformity": Share(value, math.nan, math.nan),
        "closer": closer,
        "margin": margin,
    }


def as_markdown(tables: dict[str, dict[str, Share]]) -> str:
    """The statistics of checkpoints, by name, side by side."""
    lines = [f"| | {' | '.join(tables)} |", "|---|" + "---|" * len(tables)]
    for row in next(iter(tables.values())):
        lines.append(f"| {row} | {' | '.join(_cell(row, t[row]) for t in tables.values())} |")
    return "\n".join(lines) + "\n"


def _cell(row, share):
    if row in ("closer", "shared_words"):
        return str(share)
    if math.isnan(share.low):
        return "" if math.isnan(share.value) else f"{share.value:.3f}"
    return f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})"


def plain(table: dict[str, Share]) -> dict[str, dict[str, float | None]]:
    """The same for JSON, which has no NaN."""
    return {
        row: {key: None if math.isnan(v) else v for key, v in share.as_dict().items()}
        for row, share in table.items()
    }


def draw(vectors: dict[str, np.ndarray], args) -> None:
    """A panel for each checkpoint, of sentence vectors (3, N, C) on the unit sphere by name."""
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


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    add_model_options(parser)
    add_triples_options(parser)
    parser.add_argument("--layer", type=int, default=-1, help="0: embeddings; -1: the last layer")
    parser.add_argument("--pool", choices=POOLS, default="cls", help="what stands for a sentence")
    parser.add_argument("--method", choices=("pca", "tsne"), default="pca")
    parser.add_argument("--points", type=int, default=1000, help="triples to draw at most")
    parser.add_argument("--lines", type=int, default=30, help="triples to draw lines for")
    parser.add_argument("--resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--output", type=Path, help="the PNG file to write")
    parser.add_argument("--json", type=Path, help="write the statistics into this file")
    args = parser.parse_args(argv)
    if args.points < 1 or args.lines < 0:
        parser.error("--points must be at least 1, and --lines at least 0")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq, which tells what it loads; there are bars
    args = _parse_args(argv)
    outputs = [args.json, args.output, args.save_triples]
    require_ready(args.checkpoint, outputs, resamples=args.resamples)
    require_files(args)
    if args.output:
        load_pyplot()
        load_sklearn()
    found = load_triples(args)
    shared = shared_words_share(found.triples, args.resamples, args.seed)
    vectors, tables, cut = {}, {}, {}
    texts = [text for view in zip(*found.triples, strict=True) for text in view]
    for name, predictor in each_predictor(args):
        cut[name] = count_truncated(predictor, texts)
        with tqdm(total=len(texts), desc=name, unit=" texts", disable=None) as bar:
            embedded = predictor.embed(texts, args.layer, args.pool, bar.update)
        vectors[name] = unit(embedded).reshape(3, len(found.triples), -1)
        tables[name] = {**statistics(vectors[name], args), "shared_words": shared}
    print(printable(f"{describe(found, cut)}\n\n{as_markdown(tables)}"), end="")
    if args.json:
        checkpoints = [
            {"name": name, **plain(table), **cut[name]} for name, table in tables.items()
        ]
        options = {"layer": args.layer, "pool": args.pool}
        write_json(args.json, {**summary(found, args), **options, "checkpoints": checkpoints})
    if args.output:
        draw(vectors, args)
