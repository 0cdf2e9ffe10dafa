#!/usr/bin/env python3
"""Measure how much of a text can be rewritten, and how much is, in paragraphs and in sentences.

    python scripts/analyze_rewriting.py --text valid.txt

Prints the fraction of words that belong to an open class, that the lexicon knows with their tag,
and that have candidates of each kind; then, for lines and for their sentences, the fraction of
words that the views replace, and how many texts have no antonym or no replacement at all.
Punctuation does not count as words.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
import re
from pathlib import Path

import numpy as np

from cline_fairseq.atomic_io import require_text
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.rewriting import Kind, Lexicon, Rewriter, Tagger, split_words
from cline_fairseq.rewriting.kinds import ANTONYM_KINDS, STAND_INS, SYNONYM_KINDS
from cline_fairseq.rewriting.tags import OTHER, TAG_INDEX
from cline_fairseq.rewriting.words import is_word
from cline_fairseq.runtime.markdown import markdown_table

CHUNK = 256
ANTONYMS = [kind for kind in ANTONYM_KINDS if kind not in STAND_INS]
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+")


def reachable(texts: list[list[str]], rewriter: Rewriter) -> dict[str, float]:
    """Measure the fractions of the words that can be replaced.

    Args:
        texts: words of each text.
        rewriter: what to measure.

    Returns:
        fractions, keyed by description.
    """
    lexicon = rewriter.lexicon
    num_words, open_class, entries = 0, 0, []
    for text in texts:
        for word, tag in zip(text, rewriter.tagger.tag(text), strict=True):
            num_words += is_word(word)
            if tag not in (OTHER, "NNP") and is_word(word):
                open_class += 1
                form = lexicon.form_id.get(word.lower())
                if form is not None:
                    entries.append(lexicon.entry_of[form, TAG_INDEX[tag]])
    entries = np.array(entries)
    entries = entries[entries >= 0]
    have = {kind: lexicon.has(entries, kind) for kind in Kind}
    rows = {
        "nouns except names, verbs, adjectives, adverbs": open_class,
        "known to the lexicon": len(entries),
    }
    rows |= {f"with candidates: {kind.name.lower()}": have[kind].sum() for kind in Kind}
    drawn = [kind for kind, weight in SYNONYM_KINDS.items() if weight]
    synonyms, antonyms = (np.any([have[k] for k in kinds], axis=0) for kinds in (drawn, ANTONYMS))
    contrasts = antonyms | have[Kind.COHYPONYM]
    rows |= {"with any of the synonym view": synonyms.sum()}
    rows |= {"with any antonym, direct or indirect": antonyms.sum()}
    rows |= {"with any antonym or co-hyponym": contrasts.sum()}
    return {name: count / num_words for name, count in rows.items()}


def reached(texts: list[list[str]], rewriter: Rewriter) -> dict[str, float]:
    """Measure the fractions of the words that are replaced, and of the texts that lack something.

    Args:
        texts: words of each text.
        rewriter: what to measure.

    Returns:
        fractions, keyed by description.
    """
    counts = dict.fromkeys(Kind, 0)
    num_words = unchanged = no_antonym = 0
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        for result in rewriter.rewrite_texts(chunk, 1, range(start, start + len(chunk))):
            num_words += sum(map(is_word, result.original))
            for kinds in (result.synonym_kinds, result.antonym_kinds):
                for kind in kinds[kinds >= 0].tolist():
                    counts[kind] += 1
            no_antonym += not set(ANTONYMS) & set(result.antonym_kinds.tolist())
            unchanged += not result.has_contrast
    rows = {f"replaced: {kind.name.lower()}": counts[kind] / num_words for kind in Kind}
    rows["synonym view, together"] = sum(counts[kind] for kind in SYNONYM_KINDS) / num_words
    rows["antonym view, together"] = sum(counts[kind] for kind in ANTONYM_KINDS) / num_words
    rows["texts without an antonym"] = no_antonym / len(texts)
    rows["texts without contrast"] = unchanged / len(texts)
    return rows


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--text", type=Path, required=True, help="plain text with one paragraph per line"
    )
    args = parser.parse_args()
    require_text(args.text)
    lines = [line for line in args.text.read_text(encoding="utf-8").splitlines() if line.strip()]
    sentences = [s for line in lines for s in _SENTENCE_END.split(line) if is_word(s)]
    rewriter = Rewriter(Lexicon.load("en"), Tagger.load("en"))
    texts = {"paragraphs": lines, "sentences": sentences}
    texts = {name: [split_words(text) for text in part] for name, part in texts.items()}
    shares = reachable(texts["paragraphs"], rewriter)
    rows = [(name, f"{share:.3f}") for name, share in shares.items()]
    print(markdown_table(("words that can be replaced", "share"), rows))
    tables = [reached(part, rewriter) for part in texts.values()]
    header = [f"{len(part):,} {name}" for name, part in texts.items()]
    rows = [(name, *(f"{table[name]:.3f}" for table in tables)) for name in tables[0]]
    print(markdown_table((None, *header), rows), end="")


if __name__ == "__main__":
    main()
