"""Views against their originals, word by word."""

import numpy as np
from fairseq.data import encoders
from omegaconf import OmegaConf

from cline_fairseq.rewriting.neighbours import PARTICLES, Article, article_of, begin_with_vowel
from cline_fairseq.rewriting.words import case_of, with_case

EOS = 2


def candidates_at(lexicon, words, tags, at, kinds):
    """What a word of a text may become where it stands, written in its case."""
    word, tag = words[at], tags[at]
    after = words[at + 1] if at + 1 < len(words) else ""
    if tag.startswith("VB") and after.lower() in PARTICLES:
        return set()
    article = article_of(words[at - 1]) if at else Article.NONE
    return {
        with_case(c, case_of(word))
        for kind in kinds
        for c in lexicon.candidates(word, tag, kind)
        if article == Article.NONE or starts_with_vowel(c) == (article == Article.AN)
    }


def starts_with_vowel(form):
    return bool(begin_with_vowel(np.frombuffer(form.encode(), np.uint8))[0])


def ids_of(task, text):
    symbols = encoders.build_bpe(OmegaConf.create(task.cfg.subwords)).encode(text).split()
    return np.array([0, *(task.dictionary.index(symbol) for symbol in symbols), EOS])


def align(rewriter, lexicon, tagger, source, row, labels, kinds):
    """Walk through source and view; fails where a word is neither kept nor a candidate.

    A candidate may be the beginning of another one, so all places are followed that a view may
    have come to.
    """
    vocabulary = rewriter.vocabulary
    starts, _ = rewriter.vocabulary.words(source, np.array([len(source)]))
    words = words_of(rewriter, source)
    spans = zip(starts.tolist(), [*starts[1:].tolist(), len(source)], strict=True)
    tags = tagger.tag(words)
    places = {0}
    for i, (start, end) in enumerate(spans):
        kept = source[start:end].tolist()
        label = -1 if vocabulary.is_special[kept[0]] else 0
        candidates = candidates_at(lexicon, words, tags, i, kinds)
        after_space = bool(vocabulary.begins[kept[0]])
        reached = set()
        for at in places:
            end_at = at + len(kept)
            if row[at:end_at] == kept and labels[at:end_at] == [label] * len(kept):
                reached.add(end_at)
            for end_at in range(at + 1, min(at + 24, len(row)) + 1):
                if labels[end_at - 1] != 1:
                    break
                text = text_of(vocabulary, row[at:end_at])
                ids = row[at:end_at]
                if text in candidates and vocabulary.encode_word(text, after_space) == ids:
                    reached.add(end_at)
        assert reached, f"{words[i]} {tags[i]}: {[text_of(vocabulary, row[at:]) for at in places]}"
        places = reached
    assert len(row) in places


def text_of(vocabulary, ids):
    parts = [(b" " * bool(vocabulary.begins[t]), vocabulary.pieces[t]) for t in ids]
    return b"".join(b for part in parts for b in part).decode(errors="replace").strip()


def words_of(rewriter, tokens):
    starts, _ = rewriter.vocabulary.words(tokens, np.array([len(tokens)]))
    ends = [*starts[1:], len(tokens)]
    pieces = rewriter.vocabulary.pieces
    return [
        b"".join(pieces[tokens[s:e]]).decode(errors="replace")
        for s, e in zip(starts, ends, strict=True)
    ]
