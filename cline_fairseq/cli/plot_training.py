"""Draw training curves from logs.

Reads what fairseq-train and fairseq-hydra-train log with --log-format json. Draws the losses, F1
and accuracies, and the fractions of replaced tokens over the updates; dots are validation:

    fairseq-train ... --log-format json | tee train.log
    cline-fairseq plot-training train.log --output curves.png
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..training.logs import read_log
from .figures import load_pyplot, save_figure
from .options import program_parser

PANELS = (
    ("bits per token, or per text", ("mlm_loss", "rtd_loss", "cts_loss")),
    ("F1 and accuracy", ("rtd_f1", "rtd_acc", "cts_acc")),
    ("share of replaced tokens", ("synonym_share", "antonym_share")),
)


def draw(logs: Mapping[str, Mapping[str, Any]], output: Path) -> None:
    """Draw the curves of one or two logs.

    Args:
        logs: what :func:`~cline_fairseq.training.logs.read_log` returns, keyed by name.
        output: the PNG file to write.
    """
    plt = load_pyplot()
    figure, axes = plt.subplots(1, len(PANELS), figsize=(15, 4.5), constrained_layout=True)
    for axis, (title, names) in zip(axes, PANELS, strict=True):
        for style, (run, log) in zip("-:", logs.items(), strict=False):
            for color, name in enumerate(names):
                label = name if len(logs) == 1 else f"{name}, {run}"
                for kind, form in (("train_inner", style), ("valid", "o")):
                    points = [(v["num_updates"], v[name]) for v in log[kind] if name in v]
                    if points:
                        axis.plot(
                            *zip(*points, strict=True),
                            form,
                            color=f"C{color}",
                            label=label if kind == "train_inner" else None,
                        )
        axis.set(title=title, xlabel="updates", ylim=(0, None))
        axis.grid(alpha=0.3)
        axis.legend()
    save_figure(output, figure, dpi=100)
    plt.close(figure)


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument("logs", type=Path, nargs="+", metavar="LOG", help="one or two log files")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="the PNG file to write"
    )
    args = parser.parse_args(argv)
    if len(args.logs) > 2:
        parser.error("two logs at most fit into one picture")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    names = [path.stem for path in args.logs]
    if len(set(names)) < len(names):
        names = [str(path) for path in args.logs]
    draw({n: read_log(path) for n, path in zip(names, args.logs, strict=True)}, args.output)
