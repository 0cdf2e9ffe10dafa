#!/usr/bin/env python3
"""Measure speed and memory; --json prints the figures for programs.

    python scripts/benchmark.py corpus --text train.txt --dict dict.txt \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model
    python scripts/benchmark.py dataset
    python scripts/benchmark.py evaluate --checkpoint checkpoint_best.pt \\
        --text valid.txt
    python scripts/benchmark.py loader --data data-bin \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model
    python scripts/benchmark.py rewrite --text valid.txt --dict dict.txt \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model
    python scripts/benchmark.py train --data data-bin --sizes 4x256 --blocks 128 \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
import json

from benchmarks import corpus, dataset, evaluate, loader, rewrite, train
from cline_fairseq.errors import show_input_errors_plainly


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for benchmark in (corpus, dataset, evaluate, loader, rewrite, train):
        benchmark.add_parser(commands)
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args()


def main():
    show_input_errors_plainly()
    args = parse_args()
    figures = args.run(args)
    if args.json:
        print(json.dumps(figures, indent=2))
    else:
        width = max(map(len, figures))
        for name, value in figures.items():
            print(f"{name:{width}}  {value:12,.{2 if value < 100 else 0}f}")


if __name__ == "__main__":
    main()
