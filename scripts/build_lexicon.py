#!/usr/bin/env python3
"""Build a lexicon for the rewriter from WordNet.

Needs NLTK with the WordNet corpus, and lemminflect (pip install 'cline-fairseq[lexicon]'), and a
tagged corpus for the frequencies of words (scripts/tag_with_spacy.py writes one):

    python -m nltk.downloader wordnet
    python scripts/build_lexicon.py --tagged corpus.tagged --output lexicon.npz
    python scripts/build_lexicon.py --report

The lexicon that the package ships was built in this way; --report prints what it holds.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.interrupts import end_at_once

    end_at_once()

import argparse
import sys
from pathlib import Path

import numpy as np

from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.files import require_folder_of, written_whole
from cline_fairseq.rewriting import Kind, Lexicon
from cline_fairseq.rewriting.lexicon import LexiconData, resource_path
from cline_fairseq.rewriting.tagged_text import read_tagged
from cline_fairseq.rewriting.tags import TAGS


def build(tagged: list[Path], output: Path) -> None:
    """Build the lexicon and write it."""
    try:
        from nltk.corpus import wordnet

        from cline_fairseq.rewriting.wordnet import build_lexicon

        wordnet.ensure_loaded()
    except ImportError as error:
        sys.exit(f"{error.name} is missing; install it with: pip install 'cline-fairseq[lexicon]'")
    except LookupError:
        sys.exit(
            "NLTK finds no WordNet: run 'python -m nltk.downloader wordnet', or set NLTK_DATA to a "
            "folder that holds corpora/wordnet"
        )
    for path in tagged:
        next(read_tagged(path), None)  # complains here rather than after minutes
    words = (pair for path in tagged for line in read_tagged(path) for pair in line)
    data = build_lexicon(wordnet, words)
    with written_whole(output) as part:
        data.save(part)
    print(f"{output}: {output.stat().st_size / 2**20:.1f} MiB")


def report(path: str) -> None:
    """Print the size of a lexicon by tag and kind."""
    data = LexiconData.load(resource_path(path, "lexicon"))
    lexicon = Lexicon(data)
    kinds = [kind for kind in Kind if kind != Kind.RANDOM]
    print(f"{len(lexicon.forms):,} forms, {len(data.lemma_count):,} lemmas. Entries by tag,")
    print("and how many of them have a candidate of each kind:\n")
    header = ["tag", "entries", *(k.name.lower() for k in kinds), "random words"]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for t, tag in enumerate(TAGS):
        entries = np.unique(lexicon.entry_of[:, t])
        entries = entries[entries >= 0]
        if len(entries):
            have = [int(lexicon.has(entries, kind).sum()) for kind in kinds]
            pool = int((data.entry_tag[data.pool_entry] == t).sum())
            cells = [len(entries), *have, pool]
            print(f"| {tag} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tagged", type=Path, nargs="+", help="files of word/TAG pairs")
    parser.add_argument("--output", type=Path, help="the .npz file to write")
    parser.add_argument(
        "--report",
        nargs="?",
        const="en",
        metavar="LEXICON",
        help="print what a lexicon holds (a name or a path; default: en)",
    )
    args = parser.parse_args()
    if args.report:
        report(args.report)
    elif args.tagged and args.output:
        require_folder_of(args.output)
        build(args.tagged, args.output)
    else:
        parser.error("--tagged and --output are needed to build a lexicon")


if __name__ == "__main__":
    main()
