#!/usr/bin/env python3
"""Measure speed and memory.

    python scripts/benchmark.py rewrite --text valid.txt --dict dict.txt \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model

rewrite: the rewriter on one core. Words in memory to both views; blocks of subwords to collated
batches, as the data loader makes them, once words are known and when all are new in each batch;
the time to load; the memory above that of the process before. --json prints the figures for
programs.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from fairseq.data import Dictionary

from cline_fairseq.data.cline_dataset import ClineDataset
from cline_fairseq.data.masking import Masking
from cline_fairseq.data.subwords import (
    MASK,
    add_subwords_options,
    build_subwords,
    build_vocabulary,
    subwords_config,
)
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.files import require_text
from cline_fairseq.rewriting import Lexicon, Rewriter, Tagger, split_words
from cline_fairseq.rewriting.blocks import BlockRewriter

TOKENS_PER_BATCH = 16 * 512


class Blocks:
    """Blocks of tokens in memory, as a fairseq dataset has them."""

    def __init__(self, blocks):
        self._blocks = [torch.from_numpy(block) for block in blocks]
        self.sizes = np.array([len(block) for block in blocks])

    def __getitem__(self, index):
        return self._blocks[index]


def memory() -> float:
    """Memory of this process in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmRSS")


def seconds(work) -> float:
    """The time that a function takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rate(work, amount: int, repeats: int) -> float:
    """The median over repeats of an amount by the time that it takes."""
    return float(np.median([amount / seconds(work) for _ in range(repeats)]))


def benchmark_rewrite(args) -> dict[str, float]:
    """The figures of the rewriter."""
    require_text(args.text)
    torch.set_num_threads(1)
    lines = [line for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()]
    dictionary = Dictionary.load(str(args.dict))
    mask = dictionary.add_symbol(MASK)
    config = subwords_config(args)
    subwords = build_subwords(config)
    tokens = np.concatenate(
        [
            [*(dictionary.index(s) for s in subwords.encode(line).split()), dictionary.eos()]
            for line in lines
        ]
    )
    pieces = np.split(tokens, range(args.block - 1, len(tokens), args.block - 1))
    blocks = Blocks([np.concatenate([[dictionary.bos()], piece]) for piece in pieces])
    figures: dict[str, float] = {}

    before = memory()
    start = time.perf_counter()
    rewriter = Rewriter(Lexicon.load("en"), Tagger.load("en"))
    vocabulary = build_vocabulary(dictionary, config)
    block_rewriter = BlockRewriter(rewriter, vocabulary, args.block)
    figures["seconds to load"] = time.perf_counter() - start
    dataset = ClineDataset(
        blocks, block_rewriter, Masking(mask, ~vocabulary.is_special), dictionary.pad()
    )
    batch = max(TOKENS_PER_BATCH // args.block, 1)
    batches = [range(i, min(i + batch, len(pieces))) for i in range(0, len(pieces), batch)]

    def collate(forget=False):
        for indices in batches:
            if forget:
                block_rewriter.forget()
            dataset.collater([dataset[i] for i in indices])

    collate()  # all words and spellings are known from here on
    figures["loader, words known: tokens/s"] = rate(collate, len(tokens), args.repeats)
    figures["MB above the process without rewriter"] = memory() - before
    new = rate(lambda: collate(forget=True), len(tokens), args.repeats)
    figures["loader, all words new in each batch: tokens/s"] = new

    texts = [split_words(line) for line in lines]
    num_words = sum(map(len, texts))

    def rewrite():
        for i in range(0, len(texts), 256):
            rewriter.rewrite_texts(texts[i : i + 256], 1, range(i, i + len(texts[i : i + 256])))

    rewrite()
    figures["offline: words/s"] = rate(rewrite, num_words, args.repeats)
    return figures


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    rewrite = commands.add_parser("rewrite", help="the rewriter, offline and in the data loader")
    rewrite.add_argument("--text", type=Path, required=True, help="plain text, one text a line")
    rewrite.add_argument("--dict", type=Path, required=True, help="fairseq's dictionary")
    rewrite.add_argument("--block", type=int, default=512, help="tokens of a block")
    rewrite.add_argument("--repeats", type=int, default=5, help="measurements; the median counts")
    add_subwords_options(rewrite)
    rewrite.add_argument("--json", action="store_true", help="print JSON")
    rewrite.set_defaults(run=benchmark_rewrite)
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
