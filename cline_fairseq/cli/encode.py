"""Encode plain text: into fairseq's binarized files, or into the text fairseq-preprocess reads.

One paragraph a line, blank lines between documents; plain files, .gz, .xz or .zst. Straight to
the files that fairseq-preprocess --only-source would write, byte for byte:

    cline-fairseq encode --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --dict dict.txt --input train.txt --binarize --dest data-bin --split train

With the BPE of GPT-2 and RoBERTa, one of 16 shards (a folder for each, for fairseq-train
shard0:shard1:...):

    cline-fairseq encode --bpe gpt2 --gpt2-encoder-json encoder.json --gpt2-vocab-bpe \\
        vocab.bpe --dict dict.txt --input wiki.txt.xz books.txt.gz --binarize --dest data-bin \\
        --split train --shard 3/16

Without --binarize, the symbols as text:

    cline-fairseq encode --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --input train.txt --output train.sp

A rerun leaves finished output alone, and makes anew what is broken or whose input has changed;
what it goes by is the manifest beside each output.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..atomic_io import is_plain_name
from ..preprocessing.cleaning import NORMALIZATIONS, ON_ERRORS, Cleaning
from ..preprocessing.encoding import EncodingJob, encode
from ..tokenizer import TokenizerFiles
from .options import (
    add_allow_unknown_option,
    add_max_line_option,
    add_tokenizer_options,
    parse_shard,
    program_parser,
)


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="text files")
    parser.add_argument("--output", type=Path, help="file of symbols to write")
    parser.add_argument("--binarize", action="store_true", help="write fairseq's binarized files")
    parser.add_argument("--dest", type=Path, help="folder of --binarize")
    parser.add_argument("--split", default="train", help="name of the files of --binarize")
    parser.add_argument("--dict", type=Path, help="fairseq's dictionary, for --binarize")
    add_tokenizer_options(parser)
    add_allow_unknown_option(parser)
    add_max_line_option(parser)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument(
        "--shard",
        type=parse_shard,
        metavar="I/N",
        help="encode shard I of N, numbered from 0: each N-th block of documents from the I-th on; "
        "with --binarize into DEST/shardI",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace other output")
    clean = parser.add_argument_group("cleaning (lines that are left out are counted by reason)")
    clean.add_argument("--errors", choices=ON_ERRORS, default="strict", help="at bytes not UTF-8")
    clean.add_argument("--normalize", choices=NORMALIZATIONS, help="Unicode's normalization")
    clean.add_argument("--max-chars", type=int, default=0, help="leave out longer lines")
    clean.add_argument("--drop-blank", action="store_true", help="one blank line of several stays")
    args = parser.parse_args(argv)
    if args.workers < 1:
        parser.error("--workers must be at least 1")
    if args.binarize and not (args.dest and args.dict):
        parser.error("--binarize needs --dest and --dict")
    if not is_plain_name(args.split):
        parser.error(f"--split must be a plain name, such as train, not {args.split!r}")
    if args.binarize == bool(args.output):
        parser.error("give either --output, or --binarize with --dest and --dict")
    return args


def job_of(args) -> EncodingJob:
    """The job that the options describe."""
    output = args.output
    if args.binarize:
        output = args.dest / (f"shard{args.shard[0]}" if args.shard else "") / args.split
    return EncodingJob(
        inputs=args.input,
        bpe=TokenizerFiles.of(args).config(),
        output=output,
        dictionary=args.dict if args.binarize else None,
        cleaning=Cleaning(args.errors, args.normalize, args.max_chars, args.drop_blank).checked(),
        shard=args.shard or (0, 1),
        allow_unknown=args.allow_unknown,
        max_line=args.max_line_bytes,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    job = job_of(args)
    total = sum(path.stat().st_size for path in args.input if path.is_file())
    with tqdm(total=total, unit="B", unit_scale=True, desc=str(job.output)) as bar:
        counts = encode(
            job, args.workers, args.overwrite, bar.update, partial(bar.write, file=sys.stderr)
        )
    tokens = max(counts["tokens"], 1)
    unknown = f", {100 * counts['unknown'] / tokens:.3f} % unknown"
    if missing := counts.get("missing"):  # manifests of earlier versions do not have it
        unknown += f" ({100 * missing / tokens:.3f} % are pieces that the dictionary lacks)"
    print(
        f"{job.paths[0]}: {counts['documents']:,} documents, {counts['lines']:,} lines, "
        f"{counts['tokens']:,} tokens{unknown if args.binarize else ''}"
    )
    if counts.get("repaired"):  # manifests of the first version lack it
        print(f"repaired: {counts['repaired']:,} lines with bytes that are not UTF-8")
    for reason, count in sorted(counts["left_out"].items()):
        if count:
            print(f"left out: {count:,} lines ({reason})")
