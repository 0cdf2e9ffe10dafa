#!/usr/bin/env python3
"""Train skip-gram vectors of the lemmas of a tagged corpus, for scripts/build_lexicon.py.

    python scripts/train_skipgram.py --tagged corpus.tagged --output skipgram.npz

One thread, so that the same corpus gives the same file: 19 million words take twelve minutes.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from pathlib import Path

from cline_fairseq.atomic_io import require_folder_of
from cline_fairseq.errors import show_input_errors_plainly
from lexicon.extra import needs_extra
from tagger.tagged_text import read_tagged


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tagged", type=Path, nargs="+", required=True, help="word/TAG pairs")
    parser.add_argument("--output", type=Path, required=True, help="the .npz file to write")
    args = parser.parse_args()
    for path in args.tagged:
        next(read_tagged(path), None)  # complains here rather than after minutes
    require_folder_of(args.output)
    with needs_extra():
        from lexicon.skipgram import train
    train((line for path in args.tagged for line in read_tagged(path)), args.output)


if __name__ == "__main__":
    main()
