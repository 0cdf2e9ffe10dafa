"""Show what a binarized corpus holds: counts, lengths, unknown tokens, and samples of its text.

    cline-fairseq inspect-data data-bin --split valid --bpe sentencepiece \\
        --sentencepiece-model sentencepiece.model --plot lengths.png

Samples are decoded and shown with their synonym and antonym views. The tokenizer does not need to
be specified if its files are in the folder of the data or its parent. --json prints the counts for
programs. Blank lines do not count as lines, nor </s> as a token.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from ..atomic_io import require_folder_of
from ..checkpoint_files import tokenizer_in
from ..errors import InputError, MissingFileError
from ..rewriting import Lexicon, Tagger
from ..rewriting.blocks import BlockRewriter
from ..rewriting.engine import Engine
from ..runtime.markdown import markdown_table
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .figures import load_pyplot, save_figure
from .options import add_seed_option, add_tokenizer_options, program_parser

if TYPE_CHECKING:
    from ..data.vocabulary import Vocabulary

CHUNK = 1000  # lines
MARKS = "[]"  # around replaced words


def count(lines: Any, dictionary: Any) -> dict[str, float]:
    """Count what a corpus holds. A blank line ends a document; </s> does not count as a token.

    Args:
        lines: dataset of fairseq with the lines of a split.
        dictionary: its ``fairseq.data.Dictionary``.
    """
    sizes = np.asarray(lines.sizes, np.int64) - 1  # without </s>
    text = sizes > 0
    lengths = sizes[text]
    unknown = 0
    with tqdm(total=len(lines), unit=" lines", unit_scale=True) as progress:
        for start in range(0, len(lines), CHUNK):
            chunk = range(start, min(start + CHUNK, len(lines)))
            tokens = np.concatenate([lines[i].numpy() for i in chunk])
            unknown += int((tokens == dictionary.unk()).sum())
            progress.update(len(chunk))
    quantiles = {
        f"length, {q} % are at most": np.percentile(lengths, q, method="inverted_cdf")
        for q in (5, 50, 95)
    }
    return {
        "documents": int((text & ~np.append(False, text[:-1])).sum()),
        "lines": int(text.sum()),
        "blank lines": int((~text).sum()),
        "tokens": int(lengths.sum()),
        "types in the dictionary": len(dictionary),
        "unknown tokens, %": 100 * unknown / max(int(lengths.sum()), 1),
        "length of a line, mean": float(lengths.mean()),
        **{name: int(value) for name, value in quantiles.items()},
        "length, greatest": int(lengths.max()),
    }


def plot_lengths(lines: Any, path: Path) -> None:
    """Draw a histogram of the lengths of lines.

    Args:
        lines: dataset of fairseq.
        path: the PNG file to write.
    """
    pyplot = load_pyplot()
    lengths = np.asarray(lines.sizes, np.int64) - 1
    lengths = lengths[lengths > 0]
    edges = np.unique(np.geomspace(1, lengths.max() + 1, 40).astype(int))
    figure, axes = pyplot.subplots(figsize=(7, 4), constrained_layout=True)
    axes.hist(lengths, bins=edges, weights=lengths / lengths.sum(), color="tab:blue")
    axes.set(xscale="log", xlabel="tokens of a line", ylabel="share of the tokens")
    save_figure(path, figure)


def decode(vocabulary: "Vocabulary", tokens: np.ndarray, labels: np.ndarray | None = None) -> str:
    """Decode tokens to text, with replaced words in brackets.

    Args:
        vocabulary: the rewriter's view of the dictionary.
        tokens: int (T,).
        labels: int (T,), 1 for replaced tokens (None: no token is replaced).
    """
    parts, open_ = [], False
    for i, token in enumerate(tokens):
        replaced = labels is not None and labels[i] == 1
        if open_ and not (replaced and not vocabulary.begins[token]):
            parts.append(MARKS[1].encode())
            open_ = False
        parts.append(b" " * bool(vocabulary.begins[token]))
        if replaced and not open_:
            parts.append(MARKS[0].encode())
            open_ = True
        parts.append(vocabulary.pieces[token])
    parts.append(MARKS[1].encode() * open_)
    return printable(b"".join(parts).decode(errors="replace").strip())


def show_samples(
    lines: Any,
    dictionary: Any,
    tokenizer: TokenizerFiles,
    args: argparse.Namespace,
) -> None:
    """Print a sample of lines with their views.

    Args:
        lines: dataset of fairseq.
        dictionary: its ``fairseq.data.Dictionary``.
        tokenizer: files of the tokenizer.
        args: the options of the program.
    """
    from ..data.vocabulary import build_vocabulary

    vocabulary = build_vocabulary(dictionary, tokenizer.config())
    engine = Engine(Lexicon.load("en"), Tagger.load("en"), seed=args.seed)
    long_enough = np.flatnonzero(np.asarray(lines.sizes) > min(20, int(lines.sizes.max()) - 1))
    rng = np.random.default_rng(args.seed)
    chosen = rng.choice(long_enough, min(args.samples, len(long_enough)), replace=False)
    for index in sorted(chosen.tolist()):
        tokens = np.insert(lines[index].numpy(), 0, dictionary.bos())
        rewriter = BlockRewriter(engine, vocabulary, 2 * len(tokens))
        views = rewriter.rewrite([tokens], 1, [index])
        print(f"\nline {index:,}, {len(tokens) - 2:,} tokens")
        print(f"original  {decode(vocabulary, tokens)}")
        for name, view in zip(("synonym", "antonym"), views, strict=True):
            print(f"{name}   {decode(vocabulary, view.tokens, view.labels)}")


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument("data", type=Path, metavar="DIR", help="folder with the binarized corpus")
    parser.add_argument(
        "--split",
        default="train",
        metavar="NAME",
        help="name of the split to show (default: %(default)s)",
    )
    add_tokenizer_options(parser, required=False)
    parser.add_argument(
        "--samples",
        type=int,
        default=3,
        metavar="N",
        help="number of lines to show (default: %(default)s)",
    )
    add_seed_option(parser, "random seed of the samples and their views")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw a histogram of the lengths of lines to this PNG file",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the counts as JSON, and no samples"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    path = args.data / "dict.txt"
    if not path.is_file():
        raise MissingFileError(f"no dictionary {path}: pass the folder of a binarized corpus")
    if args.samples < 0:
        raise InputError(f"--samples must not be negative, but is {args.samples}")
    split = args.data / args.split
    if not Path(f"{split}.idx").is_file():
        raise MissingFileError(
            f"no binarized text {split}.bin and .idx: pass the folder that fairseq-preprocess "
            "wrote, and the name of a split (--split)"
        )
    if args.bpe:
        TokenizerFiles.of(args).config()  # raises errors before the work, as the following do
    if args.plot:
        require_folder_of(args.plot)
        load_pyplot()
    from ..data.corpus_lines import load_dictionary, load_lines  # takes seconds to import

    dictionary = load_dictionary(str(path))
    lines = load_lines(str(split), dictionary)
    counts = count(lines, dictionary)
    if args.json:
        print(json.dumps(counts, indent=2))
    else:
        rows = [(name, f"{n:,.3f}" if n % 1 else f"{n:,.0f}") for name, n in counts.items()]
        print(markdown_table((split, None), rows), end="")
        data = args.data.absolute()
        tokenizer = TokenizerFiles.of(args) if args.bpe else tokenizer_in([data, data.parent])
        if tokenizer and args.samples:
            show_samples(lines, dictionary, tokenizer, args)
    if args.plot:
        plot_lengths(lines, args.plot)
