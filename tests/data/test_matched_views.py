"""Views that are alike in numbers, with both tokenizers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aligned import align, ids_of
from cline_fairseq.criterions.cline import counting_counts
from cline_fairseq.rewriting import Kind
from cline_fairseq.rewriting.blocks import BlockRewriter
from cline_fairseq.rewriting.engine import Engine
from cline_fairseq.rewriting.kinds import ANTONYM_KINDS, SYNONYM_KINDS
from helpers import ODD_WORDS, make_task


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def task(request, corpus):
    options = {"sample_break_mode": "complete", "match_edits": True}
    if request.param == "gpt2":
        folder, subwords = request.getfixturevalue("gpt2_corpus")
        options.update(data=str(folder), subwords=subwords)
    task = make_task(corpus, **options)
    task.load_dataset("train")
    return task


class Recording(Engine):
    """Keeps what it chose for each view: texts, tokens and kinds of the replacements."""

    def select(self, words, *args):
        views = super().select(words, *args)
        self.chosen = [(words.text_ids[v.word_index], v.lengths, v.kinds) for v in views]
        return views


def rows_of(views):
    """Tokens and labels of each block, in both views."""
    rows = []
    for view in views:
        ends = np.cumsum(view.lengths)[:-1]
        parts = zip(np.split(view.tokens, ends), np.split(view.labels, ends), strict=True)
        rows.append([(tokens.tolist(), labels.tolist()) for tokens, labels in parts])
    return rows


def check(task, lexicon, tagger, texts, room, **options):
    blocks = [ids_of(task, text) for text in texts]
    recording = Recording(lexicon, tagger, match_edits=True, **options)
    limit = max(map(len, blocks)) + room
    rewriter = BlockRewriter(recording, task.rewriter.vocabulary, limit)
    views = rewriter.rewrite(blocks, 1, range(5, 5 + len(blocks)))
    rows = rows_of(views)
    (synonym_text, synonym, _), (antonym_text, antonym, kinds) = recording.chosen
    longest = rewriter.longest_view(np.array(list(map(len, blocks))))
    for i, block in enumerate(blocks):
        in_synonym, in_antonym = synonym[synonym_text == i], antonym[antonym_text == i]
        chosen = zip(rows, (in_synonym, in_antonym), recording.kinds, strict=True)
        for view, lengths, found in chosen:
            row, labels = view[i]
            assert labels.count(1) == lengths.sum()
            assert len(row) <= longest[i]
            align(task.rewriter, lexicon, tagger, block, row, labels, found)
        numbers = in_synonym.sum(), in_antonym.sum()
        one_word = max([0, *in_synonym, *in_antonym])
        assert abs(numbers[0] - numbers[1]) <= max(0.05 * max(numbers), one_word)
        assert views[1].changed[i] == np.isin(kinds[antonym_text == i], list(ANTONYM_KINDS)).any()
        alone = rows_of(rewriter.rewrite([block], 1, [5 + i]))
        assert [view[0] for view in alone] == [view[i] for view in rows]


RATIOS = st.sampled_from([(0.4, 0.2), (0.3, 0.3), (0.1, 0.4), (1.0, 0.1), (0.2, 0.0)])
PIECES = st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 60)), min_size=1, max_size=3)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(pieces=PIECES, room=st.integers(0, 12), ratios=RATIOS, one_kind=st.booleans())
def test_any_real_texts(task, lexicon, tagger, texts, pieces, room, ratios, one_kind):
    words = " ".join(texts[:400]).split()
    parts = [" ".join(words[start : start + length]) for start, length in pieces]
    options = {"synonym_ratio": ratios[0], "antonym_ratio": ratios[1]}
    check(task, lexicon, tagger, parts, room, one_kind_per_text=one_kind, **options)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(words=st.lists(ODD_WORDS, max_size=30), room=st.integers(0, 12))
def test_any_words(task, lexicon, tagger, words, room):
    check(task, lexicon, tagger, [" ".join(words), "The dog barked."], room)


def batches(dataset):
    for start in range(0, len(dataset), 32):
        yield dataset.collater([dataset[i] for i in range(start, min(start + 32, len(dataset)))])


def test_counting_tells_nothing(task):
    dataset, found = task.datasets["train"], []
    for epoch in range(1, 2 + 800 // len(dataset)):
        dataset.set_epoch(epoch)
        found += map(counting_counts, batches(dataset))
    dataset.set_epoch(1)
    totals = {name: sum(float(counts[name]) for counts in found) for name in found[0]}
    assert totals["texts_with_contrast"] > 700
    # Within 0.01 with vocabularies of 8,000 pieces and more. These small ones split most words, so
    # that the single antonym and the single synonym of a short text often differ by a piece, and
    # the spread of a thousand texts is 0.016.
    for rule, tolerance in (("edits", 0.03), ("length", 0.06)):
        accuracy = totals[f"{rule}_right"] / totals["texts_with_contrast"]
        assert accuracy == pytest.approx(0.5, abs=tolerance), rule


def test_antonyms_stay_and_synonyms_fill_up(task, corpus):
    """As many antonyms as without matching, and the same ones, but for what does not fit."""
    dataset = task.datasets["train"]
    blocks = [dataset.blocks[i].numpy() for i in range(60)]
    plain = Engine(task.rewriter.engine.lexicon, task.rewriter.engine.tagger)
    before = BlockRewriter(plain, task.rewriter.vocabulary, 64).rewrite(blocks, 1, range(60))
    after = task.rewriter.rewrite(blocks, 1, range(60))
    antonyms = (Kind.ANTONYM, Kind.INDIRECT_ANTONYM)
    kept, had = (sum(v[1].replaced_by_kind[kind] for kind in antonyms) for v in (after, before))
    # Some antonyms have no match, where a text has more of them than synonyms to draw.
    assert 0.8 * had < kept <= had
    assert not any(before[1].replaced_by_kind[kind] for kind in SYNONYM_KINDS)
    assert all(after[1].replaced_by_kind[kind] > 0 for kind in (Kind.SYNONYM, Kind.HYPERNYM))


def test_fillers_make_no_contrast(corpus):
    """A text without antonyms is filled up, but has no place in the contrastive loss."""
    task = make_task(corpus, match_edits=True, antonym_kinds="antonym=1", sample_break_mode="eos")
    task.load_dataset("valid")
    dataset = task.datasets["valid"]
    batch = dataset.collater([dataset[i] for i in range(len(dataset))])
    synonym, antonym = (view.eq(1).any(1) for view in batch["rtd_target"].chunk(2))
    assert (synonym & antonym & ~batch["has_contrast"]).any()
    assert batch["has_contrast"].any()
    assert not (batch["has_contrast"] & ~antonym).any()
    assert batch["replaced_tokens"]["antonym_view_synonym"] > 0
    right = counting_counts(batch)
    alone = dict(batch, has_contrast=torch.ones_like(batch["has_contrast"]))
    assert right["texts_with_contrast"] < counting_counts(alone)["texts_with_contrast"]
