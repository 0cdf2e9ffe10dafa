"""Encode a corpus into fairseq's binarized files, or into the text that fairseq-preprocess reads.

Text has one paragraph per line and blank lines between documents. JSON lines (.jsonl, .ndjson,
.json), Parquet (.parquet) and Arrow (.arrow) have a document in each row, with one paragraph per
line of its text; blank lines within a row are left out. Text and JSON lines may be compressed as
.gz, .xz or .zst. A folder is a data set that Hugging Face's datasets saved, or one with files of
rows for each split.
With --binarize, the result is byte for byte what fairseq-preprocess --only-source would write:

    cline-fairseq encode --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --dict dict.txt --input train.txt --binarize --dest data-bin --split train

With the BPE of GPT-2 and RoBERTa, one of 16 shards (each has a folder, for fairseq-train
data-bin/shard0:data-bin/shard1:...):

    cline-fairseq encode --bpe gpt2 --gpt2-encoder-json encoder.json --gpt2-vocab-bpe \\
        vocab.bpe --dict dict.txt --input wiki.txt.xz books.txt.gz --binarize --dest data-bin \\
        --split train --shard 3/16

From the rows of a data set:

    cline-fairseq encode --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --dict dict.txt --input wikipedia --input-split train --text-field text --binarize \\
        --dest data-bin --split train

Without --binarize, the subwords as text:

    cline-fairseq encode --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --input train.txt --output train.sp

The same command can be rerun: it skips finished output, and redoes whatever is damaged or out of
date according to the manifest next to each output.
"""

import argparse
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
    add_corpus_options,
    add_tokenizer_options,
    inputs_of,
    parse_shard,
    program_parser,
)


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_corpus_options(parser, "the same as --split")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write the subwords to, as text"
    )
    parser.add_argument("--binarize", action="store_true", help="write fairseq's binarized files")
    parser.add_argument(
        "--dest", type=Path, metavar="DIR", help="folder for the files of --binarize"
    )
    parser.add_argument(
        "--split",
        default="train",
        metavar="NAME",
        help="name of the split, for the files of --binarize (default: %(default)s)",
    )
    parser.add_argument(
        "--dict", type=Path, metavar="FILE", help="fairseq's dictionary, for --binarize"
    )
    add_tokenizer_options(parser)
    add_allow_unknown_option(parser)
    parser.add_argument(
        "--workers",
        type=int,
        default=os.cpu_count(),
        metavar="N",
        help="number of processes (default: the number of cores, %(default)s)",
    )
    parser.add_argument(
        "--shard",
        type=parse_shard,
        metavar="I/N",
        help="encode shard I of N, numbered from 0: every N-th block of documents, starting with "
        "the I-th; with --binarize into DEST/shardI (default: all documents)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace output of other options or inputs"
    )
    clean = parser.add_argument_group("cleaning (lines that are left out are counted by reason)")
    clean.add_argument(
        "--errors",
        choices=ON_ERRORS,
        default="strict",
        help="what to do with bytes that are not UTF-8 (default: %(default)s)",
    )
    clean.add_argument(
        "--normalize",
        choices=NORMALIZATIONS,
        help="Unicode normalization form (default: leave the text as it is)",
    )
    clean.add_argument(
        "--max-chars",
        type=int,
        default=0,
        metavar="N",
        help="leave out lines with more characters; 0 is no limit (default: %(default)s)",
    )
    clean.add_argument(
        "--drop-blank", action="store_true", help="reduce consecutive blank lines to one"
    )
    args = parser.parse_args(argv)
    if args.workers < 1:
        parser.error("--workers must be at least 1")
    if args.binarize and not (args.dest and args.dict):
        parser.error("--binarize needs --dest and --dict")
    if not is_plain_name(args.split):
        parser.error(f"--split must be a plain name, such as train, not {args.split!r}")
    if args.binarize == bool(args.output):
        parser.error("pass either --output, or --binarize with --dest and --dict")
    return args


def make_job(args: argparse.Namespace) -> EncodingJob:
    """Make the job that the options describe."""
    inputs, text_field = inputs_of(args, args.split)
    output = args.output
    if args.binarize:
        output = args.dest / (f"shard{args.shard[0]}" if args.shard else "") / args.split
    return EncodingJob(
        inputs=inputs,
        bpe=TokenizerFiles.of(args).config(),
        output=output,
        dictionary=args.dict if args.binarize else None,
        cleaning=Cleaning(args.errors, args.normalize, args.max_chars, args.drop_blank).checked(),
        shard=args.shard or (0, 1),
        allow_unknown=args.allow_unknown,
        max_line=args.max_line_bytes,
        text_field=text_field,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    job = make_job(args)
    total = sum(path.stat().st_size for path in job.inputs)
    with tqdm(total=total, unit="B", unit_scale=True, desc=str(job.output)) as bar:
        counts = encode(
            job, args.workers, args.overwrite, bar.update, partial(bar.write, file=sys.stderr)
        )
    tokens = max(counts["tokens"], 1)
    unknown = f", {100 * counts['unknown'] / tokens:.3f} % unknown"
    if missing := counts.get("missing"):  # not in manifests of earlier versions
        unknown += f" ({100 * missing / tokens:.3f} % are pieces that the dictionary lacks)"
    print(
        f"{job.paths[0]}: {counts['documents']:,} documents, {counts['lines']:,} lines, "
        f"{counts['tokens']:,} tokens{unknown if args.binarize else ''}"
    )
    if counts.get("repaired"):  # not in manifests of the first version
        print(f"repaired: {counts['repaired']:,} lines with bytes that are not UTF-8")
    for reason, count in sorted(counts["left_out"].items()):
        if count:
            print(f"left out: {count:,} lines ({reason})")
