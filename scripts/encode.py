#!/usr/bin/env python3
"""Encode plain text into the subwords that fairseq-preprocess reads.

One text a line, blank lines between documents. With SentencePiece:

    python scripts/encode.py --bpe sentencepiece --sentencepiece-model sentencepiece.model \\
        --input train.txt --output train.sp
    fairseq-preprocess --only-source --srcdict dict.txt --trainpref train.sp \\
        --validpref valid.sp --destdir data-bin --workers 2

With the BPE of GPT-2 and RoBERTa:

    python scripts/encode.py --bpe gpt2 --gpt2-encoder-json encoder.json --gpt2-vocab-bpe \\
        vocab.bpe --input train.txt --output train.bpe
"""

import argparse
import multiprocessing
import os
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from cline_fairseq.data.subwords import (
    add_subwords_options,
    build_subwords,
    subwords_config,
)
from cline_fairseq.errors import InputError, show_input_errors_plainly
from cline_fairseq.files import require_text, written_whole

CHUNK = 500  # lines that a worker encodes at a time


def start_worker(options):
    global subwords
    subwords = build_subwords(options)


def encode_lines(lines):
    """Encode a chunk of lines; blank ones stay blank."""
    return [subwords.encode(line) if line else "" for line in lines]


def read_chunks(path):
    """Yield chunks of lines without their ends."""
    with path.open(encoding="utf-8") as file:
        lines = (line.strip() for line in file)
        try:
            while chunk := list(islice(lines, CHUNK)):
                yield chunk
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8 text: {error}; convert it first") from error


def encode(source: Path, output: Path, options: dict, workers: int) -> None:
    """Encode a file; the output appears when it is complete."""
    require_text(source)
    build_subwords(options)  # complains here rather than in a worker
    size = source.stat().st_size
    # Not forked: fairseq has imported torch, whose threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with (
        context.Pool(workers, start_worker, (options,)) as pool,
        written_whole(output) as part,
        part.open("w", encoding="utf-8") as out,
        tqdm(total=size, unit="B", unit_scale=True, desc=source.name) as progress,
    ):
        chunks = read_chunks(source)
        done = 0
        while group := list(islice(chunks, 16 * workers)):
            for chunk, encoded in zip(group, pool.map(encode_lines, group, 1), strict=True):
                out.writelines(line + "\n" for line in encoded)
                done += sum(len(line.encode()) + 1 for line in chunk)
            progress.update(min(done, size) - progress.n)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, required=True, help="plain text, one text a line")
    parser.add_argument("--output", type=Path, required=True, help="subwords, one text a line")
    add_subwords_options(parser)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes")
    return parser.parse_args()


def main():
    show_input_errors_plainly()
    args = parse_args()
    encode(args.input, args.output, subwords_config(args), args.workers)


if __name__ == "__main__":
    main()
