#!/usr/bin/env python3
"""Convert the Brown corpus to word/TAG lines with Penn tags, to evaluate a tagger on gold tags.

Brown has finer tags than Penn, and other ones: its titles (Jury/nn-tl) are Penn's proper nouns,
its qualifiers (very/ql) are adverbs, forms of be, have and do are verbs. The input is the files of
the corpus (ca01 to cr09), which hold word/tag pairs:

    python scripts/brown_to_penn.py --input brown/c[a-r][0-9][0-9] --output brown.tagged
    python scripts/train_tagger.py --evaluate brown.tagged
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from pathlib import Path

from cline_fairseq.atomic_io import atomic_write
from cline_fairseq.errors import MissingFileError, show_input_errors_plainly

_PENN = {
    "nn": "NN", "nn$": "NN", "nns": "NNS", "nns$": "NNS", "nr": "NN", "nr$": "NN", "nrs": "NNS",
    "np": "NNP", "np$": "NNP", "nps": "NNP", "nps$": "NNP",
    "jj": "JJ", "jj$": "JJ", "jjs": "JJ", "jjr": "JJR", "jjt": "JJS", "ap": "JJ",
    "rb": "RB", "ql": "RB", "qlp": "RB", "rn": "RB", "*": "RB", "rbr": "RBR", "rbt": "RBS",
    "vb": "VB", "vbd": "VBD", "vbg": "VBG", "vbn": "VBN", "vbz": "VBZ",
    "be": "VB", "bed": "VBD", "bedz": "VBD", "beg": "VBG", "bem": "VB", "ben": "VBN", "ber": "VB",
    "bez": "VBZ", "do": "VB", "dod": "VBD", "doz": "VBZ", "hv": "VB", "hvd": "VBD", "hvg": "VBG",
    "hvn": "VBN", "hvz": "VBZ",
}  # fmt: skip


# Brown's tag of quantity (ap) does not tell the degree.
_DEGREE = {"more": "JJR", "less": "JJR", "fewer": "JJR"}
_DEGREE |= {"most": "JJS", "least": "JJS", "fewest": "JJS"}


def penn_tag(word: str, brown_tag: str) -> str:
    """Return the Penn tag of a word with its Brown tag; O unless it belongs to an open class."""
    tag = brown_tag.split("+")[0]  # a contraction has the tag of its first part
    if tag != "*":
        tag = tag.rstrip("*")
    base, *marks = tag.split("-")
    if base == "fw":
        return "O"  # foreign
    penn = _PENN.get(base, "O")
    if base == "ap":
        return _DEGREE.get(word.lower(), penn)
    if base.startswith("nr") and word[:1].isupper():  # Friday, but home
        return "NNP"
    return "NNP" if "tl" in marks and penn in ("NN", "NNS", "JJ") else penn


def convert(path: Path) -> list[str]:
    """Convert a file of the corpus to lines with Penn tags."""
    if not path.is_file():
        raise MissingFileError(f"no file {path}: pass files of the Brown corpus, such as ca01")
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        pairs = [item.rpartition("/") for item in line.split()]
        tagged = [f"{word}/{penn_tag(word, tag.lower())}" for word, _, tag in pairs if word and tag]
        if tagged:
            lines.append(" ".join(tagged))
    return lines


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--input", type=Path, nargs="+", required=True, metavar="FILE", help="files of the corpus"
    )
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="file for word/TAG pairs, one sentence per line",
    )
    args = parser.parse_args()
    lines = [line for path in args.input for line in convert(path)]
    with atomic_write(args.output) as part:
        part.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
