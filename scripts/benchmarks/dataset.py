"""Memory of the pre-training dataset, compared with fairseq's own.

Both are made of the same lines, of random lengths up to a block and with blank lines between, once
for each --sample-break-mode. The memory of the lines themselves, which fairseq maps from their
files, is not counted. In eos mode fairseq gets the lines without the blank ones, which ours leaves
out, so that both have the same blocks.
"""

import ctypes
import multiprocessing

import numpy as np

from benchmarks.measures import memory

MODES = ("none", "complete", "complete_doc", "eos")


def add_parser(commands):
    parser = commands.add_parser("dataset", help="memory of the dataset, against fairseq")
    parser.add_argument(
        "--lines",
        type=int,
        default=20_000_000,
        metavar="N",
        help="number of lines in the corpus (default: %(default)s)",
    )
    parser.add_argument(
        "--block",
        type=int,
        default=512,
        metavar="N",
        help="number of tokens in the longest block (default: %(default)s)",
    )
    parser.set_defaults(run=run)


class Lines:
    """Lines of which only the lengths exist."""

    def __init__(self, sizes):
        self.sizes = sizes

    def __len__(self):
        return len(self.sizes)


def run(args) -> dict[str, float]:
    """The figures of the dataset."""
    # Takes seconds, --help does not.
    from fairseq.data import Dictionary, PrependTokenDataset, TokenBlockDataset

    from cline_fairseq.data.cline_dataset import ClineDataset
    from cline_fairseq.data.token_blocks import token_blocks

    generator = np.random.default_rng(1)
    sizes = generator.integers(2, args.block, args.lines, dtype=np.int32)
    sizes[generator.random(args.lines) < 0.1] = 1  # blank lines, of </s> alone
    lines, texts, dictionary = Lines(sizes), Lines(sizes[sizes > 1]), Dictionary()

    def stock(mode):
        symbols = {"pad": dictionary.pad(), "eos": dictionary.eos()}
        kept = texts if mode == "eos" else lines
        blocks = TokenBlockDataset(kept, kept.sizes, args.block - 1, break_mode=mode, **symbols)
        return PrependTokenDataset(blocks, dictionary.bos())

    def ours(mode):
        blocks = token_blocks(lines, dictionary, args.block, mode, "benchmark")
        return ClineDataset(blocks, None, None, dictionary.pad())

    figures = {}
    for mode in MODES:
        theirs, mine = megabytes(stock, mode), megabytes(ours, mode)
        figures[f"{mode}: fairseq, MB"] = theirs
        figures[f"{mode}: ours above fairseq, MB"] = mine - theirs
    return figures


def megabytes(make, mode) -> float:
    """The memory that a dataset takes, in a process of its own."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(make, mode, sender))
    process.start()
    taken = receiver.recv()
    process.join()
    return taken


def _measure(make, mode, sender):
    before = memory()
    made = make(mode)
    ctypes.CDLL(None).malloc_trim(0)  # what was needed on the way
    sender.send(memory() - before)
    del made
