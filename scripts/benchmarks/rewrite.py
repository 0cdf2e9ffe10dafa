"""The rewriter on one core.

Words in memory to both views; blocks of subwords to collated batches, as the data loader makes
them, once words are known and when all are new in each batch; the time to load; the memory above
that of the process before.
"""

import time
from pathlib import Path

import numpy as np

from benchmarks.measures import memory, rate
from benchmarks.options import add_rewriting_options
from cline_fairseq.atomic_io import require_file, require_text
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.dictionary import MASK
from cline_fairseq.rewriting import Lexicon, Rewriter, Tagger, split_words
from cline_fairseq.rewriting.blocks import BlockRewriter
from cline_fairseq.rewriting.engine import Engine
from cline_fairseq.tokenizer import TokenizerFiles

TOKENS_PER_BATCH = 16 * 512


def add_parser(commands):
    parser = commands.add_parser("rewrite", help="the rewriter, offline and in the data loader")
    parser.add_argument(
        "--text", type=Path, required=True, help="plain text with one text per line"
    )
    parser.add_argument("--dict", type=Path, required=True, help="fairseq's dictionary")
    add_rewriting_options(parser)
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        metavar="N",
        help="number of measurements, of which the median counts (default: %(default)s)",
    )
    add_tokenizer_options(parser)
    parser.set_defaults(run=run)


class Blocks:
    """Blocks of tokens in memory, as a fairseq dataset has them."""

    def __init__(self, blocks):
        import torch

        self._blocks = [torch.from_numpy(block) for block in blocks]
        self.sizes = np.array([len(block) for block in blocks])

    def __getitem__(self, index):
        return self._blocks[index]


def run(args) -> dict[str, float]:
    """The figures of the rewriter."""
    require_text(args.text)
    require_file(args.dict, "pass the dictionary that the corpus was encoded with (--dict)")
    config = TokenizerFiles.of(args).config()
    import torch  # takes seconds, --help does not
    from fairseq.data import Dictionary, encoders
    from omegaconf import OmegaConf

    from cline_fairseq.data.cline_dataset import ClineDataset
    from cline_fairseq.data.masking import Masking
    from cline_fairseq.data.vocabulary import build_vocabulary

    torch.set_num_threads(1)
    lines = [line for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()]
    dictionary = Dictionary.load(str(args.dict))
    mask = dictionary.add_symbol(MASK)
    subwords = encoders.build_bpe(OmegaConf.create(config))
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
    lexicon, tagger = Lexicon.load("en"), Tagger.load("en")
    engine = Engine(lexicon, tagger, match_edits=args.match_edits)
    vocabulary = build_vocabulary(dictionary, config)
    block_rewriter = BlockRewriter(engine, vocabulary, args.block)
    figures["seconds to load"] = time.perf_counter() - start
    maskable = ~(vocabulary.is_special | vocabulary.is_unknown)
    dataset = ClineDataset(blocks, block_rewriter, Masking(mask, maskable), dictionary.pad())
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

    rewriter = Rewriter(lexicon, tagger, match_edits=args.match_edits)

    def rewrite():
        for i in range(0, len(texts), 256):
            rewriter.rewrite_texts(texts[i : i + 256], 1, range(i, i + len(texts[i : i + 256])))

    rewrite()
    figures["offline: words/s"] = rate(rewrite, num_words, args.repeats)
    return figures
