#!/usr/bin/env python3
"""Tag a text with the rewriter's own tagger, about a million words per second.

Writes one line of word/TAG pairs for each line of text, as scripts/build_lexicon.py reads them:

    python scripts/tag.py --input corpus.txt --output corpus.tagged
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cline_fairseq.atomic_io import require_folder_of, require_text
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.rewriting import Tagger, split_words
from cline_fairseq.rewriting.tagger import WINDOW, pad
from cline_fairseq.rewriting.tags import TAGS
from tagger.tagged_text import write_tagged

CHUNK = 4096  # texts tagged at once


def tag_texts(tagger: Tagger, texts: Iterable[list[str]]) -> Iterator[list[tuple[str, str]]]:
    """Yield the (word, tag) pairs of each text."""
    texts = iter(texts)
    while chunk := list(islice(texts, CHUNK)):
        index = {"": 0}
        ids = [np.array([index.setdefault(w, len(index)) for w in words]) for words in chunk]
        tags = tagger.tag_ids(tagger.word_features(list(index)), pad(ids))
        end = 0
        for words in chunk:
            start, end = end + WINDOW, end + WINDOW + len(words)
            yield [(w, TAGS[tag]) for w, tag in zip(words, tags[start:end], strict=True)]


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--input", type=Path, required=True, help="plain text with one text per line"
    )
    parser.add_argument(
        "--output", type=Path, required=True, help="file for word/TAG pairs, one text per line"
    )
    parser.add_argument("--tagger", default="en", help="name or path of the tagger (default: en)")
    return parser.parse_args()


def main():
    show_input_errors_plainly()
    args = parse_args()
    require_text(args.input)
    require_folder_of(args.output)
    tagger = Tagger.load(args.tagger)
    with args.input.open(encoding="utf-8") as lines:
        texts = (split_words(line) for line in tqdm(lines, unit="line") if line.strip())
        write_tagged(args.output, tag_texts(tagger, texts))


if __name__ == "__main__":
    main()
