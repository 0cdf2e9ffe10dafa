"""Show what is in a binarized corpus: counts, lengths, unknown tokens, and samples of its text.

    cline-fairseq inspect-data data-bin --split valid --bpe sentencepiece \\
        --sentencepiece-model sentencepiece.model --plot lengths.png

Samples are decoded, and shown once more as their synonym and antonym views. The tokenizer need not
be named if its files are in the folder of the data or its parent. --json prints the counts for
programs. Lines are those with text, and </s> is not counted among their tokens.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..atomic_io import require_folder_of
from ..checkpoint_files import tokenizer_in
from ..errors import InputError, MissingFileError
from ..rewriting import Lexicon, Tagger
from ..rewriting.blocks import BlockRewriter
from ..rewriting.engine import Engine
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .figures import load_pyplot, save_figure
from .options import add_tokenizer_options, program_parser

CHUNK = 1000  # lines
MARKS = "[]"  # around replaced words


def count(lines, dictionary) -> dict[str, float]:
    """What a corpus holds. A blank line ends a document; </s> is not counted as a token."""
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


def plot_lengths(lines, path: Path) -> None:
    """Draw the histogram of the lengths of lines."""
    pyplot = load_pyplot()
    lengths = np.asarray(lines.sizes, np.int64) - 1
    lengths = lengths[lengths > 0]
    edges = np.unique(np.geomspace(1, lengths.max() + 1, 40).astype(int))
    figure, axes = pyplot.subplots(figsize=(7, 4), constrained_layout=True)
    axes.hist(lengths, bins=edges, weights=lengths / lengths.sum(), color="tab:blue")
    axes.set(xscale="log", xlabel="tokens of a line", ylabel="share of the tokens")
    save_figure(path, figure)


def text_of(vocabulary, tokens, labels=None) -> str:
    """Tokens as text, runs of replaced ones in brackets."""
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


def show_samples(lines, dictionary, tokenizer, args) -> None:
    """Print some lines, and their views."""
    from ..data.vocabulary import build_vocabulary

    vocabulary = build_vocabulary(dictionary, TokenizerFiles.of(tokenizer).config())
    engine = Engine(Lexicon.load("en"), Tagger.load("en"), seed=args.seed)
    long_enough = np.flatnonzero(np.asarray(lines.sizes) > min(20, int(lines.sizes.max()) - 1))
    rng = np.random.default_rng(args.seed)
    chosen = rng.choice(long_enough, min(args.samples, len(long_enough)), replace=False)
    for index in sorted(chosen.tolist()):
        tokens = np.insert(lines[index].numpy(), 0, dictionary.bos())
        rewriter = BlockRewriter(engine, vocabulary, 2 * len(tokens))
        views = rewriter.rewrite([tokens], 1, [index])
        print(f"\nline {index:,}, {len(tokens) - 2:,} tokens")
        print(f"original  {text_of(vocabulary, tokens)}")
        for name, view in zip(("synonym", "antonym"), views, strict=True):
            print(f"{name}   {text_of(vocabulary, view.tokens, view.labels)}")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = program_parser(__name__, __doc__)
    parser.add_argument("data", type=Path, help="the folder with the binarized corpus")
    parser.add_argument("--split", default="train")
    add_tokenizer_options(parser, required=False)
    parser.add_argument("--samples", type=int, default=3, help="lines to show (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="of the samples and their views")
    parser.add_argument("--plot", type=Path, help="draw the lengths of lines into this PNG")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON, no samples")
    args = parser.parse_args(argv)
    path = args.data / "dict.txt"
    if not path.is_file():
        raise MissingFileError(f"no dictionary {path}: give the folder of a binarized corpus")
    if args.samples < 0:
        raise InputError(f"--samples must not be negative, but is {args.samples}")
    split = args.data / args.split
    if not Path(f"{split}.idx").is_file():
        raise MissingFileError(
            f"no binarized text {split}.bin and .idx: give the folder that fairseq-preprocess "
            "wrote, and the name of a split (--split)"
        )
    if args.bpe:
        TokenizerFiles.of(args).config()  # complains before the work rather than after it
    if args.plot:
        require_folder_of(args.plot)  # so do these
        load_pyplot()
    from ..data.corpus_lines import load_dictionary, load_lines  # takes seconds

    dictionary = load_dictionary(str(path))
    lines = load_lines(str(split), dictionary)
    counts = count(lines, dictionary)
    if args.json:
        print(json.dumps(counts, indent=2))
    else:
        print(f"| {split} | |\n|---|---|")
        for name, value in counts.items():
            print(f"| {name} | {value:,.3f} |" if value % 1 else f"| {name} | {value:,.0f} |")
        data = args.data.absolute()
        tokenizer = args if args.bpe else tokenizer_in([data, data.parent])
        if tokenizer and args.samples:
            show_samples(lines, dictionary, tokenizer, args)
    if args.plot:
        plot_lengths(lines, args.plot)
