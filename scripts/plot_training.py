#!/usr/bin/env python3
"""Draw the training curves of runs from their logs.

Reads what fairseq-train and fairseq-hydra-train log with --log-format json, and draws the losses,
F1 and accuracies, and the shares of replaced tokens over the updates, those of validation as dots:

    fairseq-train ... --log-format json | tee train.log
    python scripts/plot_training.py train.log --output curves.png
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.interrupts import end_at_once

    end_at_once()

import argparse
import json
import re
from pathlib import Path

from cline_fairseq.errors import InputError, MissingFileError, show_input_errors_plainly
from cline_fairseq.files import save_figure

# A line of a log, of either program: "... | train_inner | {...}" or "[...][train_inner][INFO] - {".
# Of two on one line, the first is what a run that was killed had written.
_LINE = re.compile(r".*[ \[](train_inner|valid)[ \]].*?(\{.*\})\s*$")
PANELS = (
    ("bits a token, or a text", ("mlm_loss", "rtd_loss", "cts_loss")),
    ("F1 and accuracy", ("rtd_f1", "rtd_acc", "cts_acc")),
    ("share of replaced tokens", ("synonym_share", "antonym_share")),
)


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """The values that a run logged, by kind: ``train_inner`` and ``valid``.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is no log of training, or damaged; with the line.
    """
    if not path.is_file():
        raise MissingFileError(
            f"no log {path}: give what fairseq-train wrote to its standard output"
        )
    found = {"train_inner": [], "valid": []}
    with path.open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            kind, values = parse_line(line)
            if kind and "num_updates" in values:
                found[kind].append(values)
            elif kind or _LINE.match(line):
                raise InputError(f"{path}, line {number}: its JSON is damaged: remove the line")
    if not found["train_inner"]:
        raise InputError(f"{path} holds no updates: train with --log-format json")
    return found


def parse_line(line: str) -> tuple[str | None, dict[str, float]]:
    """The kind of a line of a log and its values; None for a line of another kind, or damaged."""
    match = _LINE.match(line)
    if not match:
        return None, {}
    kind, text = match.groups()
    try:
        values = json.loads(text)
    except (RecursionError, ValueError):
        return None, {}
    return kind, {k.removeprefix("valid_"): _number(v) for k, v in values.items()}


def _number(value):
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def load_pyplot():
    """matplotlib's pyplot, to draw without a display.

    Raises:
        InputError: if matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise InputError(
            "matplotlib is missing; install it with: pip install 'cline-fairseq[plot]'"
        ) from None
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def draw(logs: dict[str, dict], output: Path) -> None:
    """Draw the curves of logs, by name, into a PNG file."""
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


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("logs", type=Path, nargs="+", help="one or two logs")
    parser.add_argument("--output", type=Path, required=True, help="the PNG file to write")
    args = parser.parse_args()
    if len(args.logs) > 2:
        parser.error("two logs at most fit into one picture")
    names = [path.stem for path in args.logs]
    if len(set(names)) < len(names):
        names = [str(path) for path in args.logs]
    draw({n: read_log(path) for n, path in zip(names, args.logs, strict=True)}, args.output)


if __name__ == "__main__":
    main()
