"""Batches of real text, with both tokenizers."""

import os
import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from fairseq.data import encoders
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from aligned import EOS, align, ids_of, words_of
from cline_fairseq.data.corpus_lines import CutLinesDataset
from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import split_words
from cline_fairseq.rewriting.blocks import BlockRewriter
from helpers import ODD_WORDS, make_task
from programs import ROOT, run

PAD, UNK = 1, 3


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def task(request, corpus):
    if request.param == "sentencepiece":
        task = make_task(corpus, sample_break_mode="complete")
    else:
        folder, subwords = request.getfixturevalue("gpt2_corpus")
        task = make_task(corpus, data=str(folder), subwords=subwords, sample_break_mode="complete")
    task.load_dataset("valid")
    return task


def batch_of(dataset, indices):
    return dataset.collater([dataset[i] for i in indices])


def rows_of(batch):
    """Tokens without padding: originals, synonym views, antonym views."""
    lengths = batch["net_input"]["src_lengths"].tolist()
    rows = zip(batch["net_input"]["src_tokens"].tolist(), lengths, strict=True)
    rows = [row[:n] for row, n in rows]
    n = batch["nsentences"]
    return rows[:n], rows[n : 2 * n], rows[2 * n :]


def test_layout(task):
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(7))
    tokens, lengths = batch["net_input"]["src_tokens"], batch["net_input"]["src_lengths"]
    assert tokens.shape[0] == len(lengths) == 21
    assert tokens.shape[1] == lengths.max() <= 64
    assert tokens.dtype == batch["mlm_target"].dtype == batch["rtd_target"].dtype == torch.int64
    assert batch["mlm_target"].shape == (7, tokens.shape[1])
    assert batch["rtd_target"].shape == (14, tokens.shape[1])
    assert batch["has_contrast"].shape == (7,)
    assert batch["has_contrast"].dtype == torch.bool
    assert batch["ntokens"] == lengths.sum() == tokens.ne(PAD).sum()
    assert batch["id"].tolist() == list(range(7))
    assert dataset.collater([]) == {}
    # Padding, and it alone, is padding everywhere.
    real = torch.arange(tokens.shape[1]) < lengths[:, None]
    assert (tokens.ne(PAD) == real).all()
    assert (batch["rtd_target"][~real[7:]] == -1).all()
    assert (tokens[:, 0] == task.dictionary.bos()).all()


def test_originals_are_the_corpus(task):
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(len(dataset)))
    originals, _, _ = rows_of(batch)
    for i, row in enumerate(originals):
        source = dataset.blocks[i].numpy()
        target = batch["mlm_target"][i, : len(source)].numpy()
        predicted = target != PAD
        np.testing.assert_array_equal(target[predicted], source[predicted])
        np.testing.assert_array_equal(np.array(row)[~predicted], source[~predicted])
        assert not np.isin(source[predicted], [0, 1, 2]).any()
    share = batch["mlm_target"].ne(PAD).sum() / batch["net_input"]["src_lengths"][: i + 1].sum()
    assert share.item() == pytest.approx(0.15, abs=0.02)


def test_views_are_the_original_word_by_word(task, lexicon, tagger):
    """Each word of a view is the original one, labelled 0, or a candidate of it, labelled 1."""
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(len(dataset)))
    _, *views = rows_of(batch)
    kinds = [list(view.kinds) for view in task.rewriter.engine.views]
    replaced = 0
    for view, rows in enumerate(views):
        for i, row in enumerate(rows):
            labels = batch["rtd_target"][view * len(rows) + i, : len(row)].tolist()
            source = dataset.blocks[i].numpy()
            align(task.rewriter, lexicon, tagger, source, row, labels, kinds[view])
            replaced += labels.count(1)
    assert replaced > 1000


ODD_TEXTS = [
    "He said: “Happy dogs run quickly.” We don't, and we don’t; the dogs’ bones...",
    "A well-known good🙂 result—or so they say—costs 1,000 € (about $1,100) at http://a.b/c-d?e=f.",
    "NAÏVE CAFÉ owners in ÅNGSTRÖM Street met 犬 and Привет мир",
    "x" * 300 + " and " + "ab-" * 60,
    "of the to and",
    "",
]


def test_words_of_a_block(task, texts):
    """The words of a block are those that splitting its text gives.

    All but few: SentencePiece makes pieces of letters and punctuation together, like "(-1".
    """
    found, expected = Counter(), Counter()
    for text in [*texts[:300], *ODD_TEXTS[:2]]:
        ids = ids_of(task, text)
        if UNK not in ids:
            found += Counter(words_of(task.rewriter, ids)[1:-1])
            expected += Counter(split_words(text))
    assert (found & expected).total() / expected.total() > 0.98
    if task.cfg.subwords["_name"] == "gpt2":
        found = words_of(task.rewriter, ids_of(task, ODD_TEXTS[0]))
        assert {"Happy", "dogs", "quickly", "don't", "don’t", "bones"} <= set(found)


def check_views(task, lexicon, tagger, text, room, epoch=1):
    """The invariants of both views of a text that fills a block all but ``room`` tokens."""
    ids = ids_of(task, text)
    rewriter = BlockRewriter(task.rewriter.engine, task.rewriter.vocabulary, len(ids) + room)
    views = rewriter.rewrite([ids], epoch, [0])
    for view, spec in zip(views, rewriter.engine.views, strict=True):
        row, labels = view.tokens.tolist(), view.labels.tolist()
        assert view.lengths.tolist() == [len(row)]
        assert len(row) <= len(ids) + room
        align(rewriter, lexicon, tagger, ids, row, labels, list(spec.kinds))
        assert sum(view.replaced_by_kind.values()) == labels.count(1)
        assert (np.array(labels) == 1)[~view.content].sum() == 0


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_texts(task, lexicon, tagger, text):
    for epoch in range(1, 6):
        check_views(task, lexicon, tagger, text, 20, epoch)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(ODD_WORDS, max_size=40), room=st.integers(0, 12))
def test_any_words_in_a_block(task, lexicon, tagger, words, room):
    check_views(task, lexicon, tagger, " ".join(words), room)


@settings(max_examples=40, deadline=None)
@given(start=st.integers(0, 10_000), length=st.integers(0, 80), room=st.integers(0, 12))
def test_any_piece_of_real_text_in_a_block(task, lexicon, tagger, texts, start, length, room):
    words = " ".join(texts[:400]).split()
    text = " ".join(words[start : start + length])
    check_views(task, lexicon, tagger, text, room)


BATCHES = """
import sys, zlib
from pathlib import Path
from helpers import ODD_WORDS, make_task
from programs import ROOT, run
from hypothesis import given, settings
from hypothesis import strategies as st
task = make_task(Path(sys.argv[1]), sample_break_mode="complete", mask_whole_words=True)
task.load_dataset("valid")
iterator = task.get_batch_iterator(
    task.datasets["valid"], max_tokens=3000, max_positions=64, seed=1, num_workers=1
).next_epoch_itr()
for batch in iterator:
    for name in ("mlm_target", "rtd_target"):
        print(zlib.crc32(batch[name].numpy().tobytes()))
    print(zlib.crc32(batch["net_input"]["src_tokens"].numpy().tobytes()))
"""


def test_python_hash_seed_changes_nothing(corpus, tmp_path):
    script = tmp_path / "batches.py"
    script.write_text(BATCHES)
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))
    first, second = (
        run("python", script, corpus, PYTHONPATH=path, PYTHONHASHSEED=str(seed)).stdout
        for seed in (0, 1)
    )
    sums = [line for line in first.splitlines() if line.isdigit()]
    assert len(sums) > 12
    assert sums == [line for line in second.splitlines() if line.isdigit()]


def test_a_dataset_can_go_to_another_process(task):
    dataset = task.datasets["valid"]
    copy = pickle.loads(pickle.dumps(dataset))
    a, b = batch_of(dataset, [1, 2]), batch_of(copy, [1, 2])
    assert torch.equal(a["net_input"]["src_tokens"], b["net_input"]["src_tokens"])


def test_fresh_views_in_each_epoch_and_the_same_again(task):
    dataset = task.datasets["valid"]

    def views(epoch):
        dataset.set_epoch(epoch)
        return batch_of(dataset, range(10))["net_input"]["src_tokens"]

    first, second, again = views(1), views(2), views(1)
    assert torch.equal(first, again)
    assert first.shape != second.shape or not torch.equal(first, second)


def test_a_block_alone_and_in_company(task):
    dataset = task.datasets["valid"]
    together = rows_of(batch_of(dataset, [3, 8, 5]))
    alone = rows_of(batch_of(dataset, [8]))
    for view in range(3):
        assert together[view][1] == alone[view][0]


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_change_nothing(task, workers):
    """fairseq's own iterator, over two epochs."""
    batches = {}
    for num_workers in (0, workers):
        task.load_dataset("valid")
        batches[num_workers] = []
        for epoch in (1, 2):
            iterator = task.get_batch_iterator(
                task.datasets["valid"],
                max_tokens=3000,
                max_positions=64,
                seed=1,
                num_workers=num_workers,
                epoch=epoch,
                disable_iterator_cache=True,
            ).next_epoch_itr(shuffle=True)
            batches[num_workers] += [b["net_input"]["src_tokens"] for b in iterator]
    assert len(batches[0]) == len(batches[workers]) > 4
    for a, b in zip(batches[0], batches[workers], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("mode", ["none", "complete", "complete_doc", "eos"])
def test_break_modes(corpus, texts, mode):
    task = make_task(corpus, sample_break_mode=mode, tokens_per_sample=32)
    task.load_dataset("valid")
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(len(dataset)))
    assert batch["net_input"]["src_tokens"].shape[1] <= 32
    found = [t for block in dataset.blocks for t in block.tolist() if t not in (0, EOS)]
    subwords = encoders.build_bpe(OmegaConf.create(task.cfg.subwords))
    symbols = [s for text in texts[: len(texts) // 8] for s in subwords.encode(text).split()]
    # Nothing is lost, long lines included, in any mode.
    assert found == [task.dictionary.index(symbol) for symbol in symbols]
    sizes = {len(block) for block in dataset.blocks}
    if mode == "none":
        assert len(sizes - {29}) <= 1
    if mode == "eos":
        assert min(sizes) > 2
        assert all(EOS not in block[:-1].tolist() for block in dataset.blocks)


def test_max_tokens_counts_all_views(task):
    dataset = task.datasets["valid"]
    indices = dataset.ordered_indices()
    batches = dataset.batch_by_size(indices, max_tokens=1500)
    assert sum(map(len, batches)) == len(dataset)
    for batch in batches:
        assert batch_of(dataset, batch)["net_input"]["src_tokens"].numel() <= 1500


def test_order_is_by_length_and_anew_in_each_epoch(task):
    dataset = task.datasets["valid"]
    orders = []
    for epoch in (1, 2, 1):
        dataset.set_epoch(epoch)
        orders.append(dataset.ordered_indices())
        assert sorted(orders[-1]) == list(range(len(dataset)))
        assert (np.diff(dataset.sizes[orders[-1]].astype(int)) >= 0).all()
    np.testing.assert_array_equal(orders[0], orders[2])
    assert (orders[0] != orders[1]).any()


def test_whole_word_masking(corpus):
    task = make_task(corpus, sample_break_mode="eos", mask_whole_words=True)
    task.load_dataset("valid")
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(30))
    for i in range(30):
        tokens = dataset.blocks[i].numpy()
        predicted = batch["mlm_target"][i, : len(tokens)].numpy() != PAD
        starts, _ = task.rewriter.vocabulary.words(tokens, np.array([len(tokens)]))
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
            of_word = predicted[start:end][tokens[start:end] != UNK]
            assert of_word.all() or not of_word.any()


def test_nothing_to_replace(corpus):
    """A text of function words alone has no contrast, and is no error."""
    task = make_task(corpus, sample_break_mode="eos")
    task.load_dataset("valid")
    dataset = task.datasets["valid"]
    symbols = ["▁of", "▁the", ".", "▁to", "▁and"]
    ids = torch.tensor([0, *(task.dictionary.index(s) for s in symbols), EOS])
    full = dataset[int(np.argmax(dataset.sizes))]
    samples = [{"id": 0, "source": ids}, {"id": 1, "source": ids[[0, -1]]}, full]
    batch = dataset.collater(samples)
    for view in (1, 2):
        row = batch["net_input"]["src_tokens"][3 * view]
        assert row[: len(ids)].tolist() == ids.tolist()
    assert batch["has_contrast"].tolist() == [False, False, True]


def test_a_view_without_replacements_is_no_contrast(corpus):
    task = make_task(corpus, sample_break_mode="eos", synonym_ratio=0.0)
    task.load_dataset("valid")
    batch = batch_of(task.datasets["valid"], range(5))
    assert not (batch["rtd_target"][:5] == 1).any()
    assert (batch["rtd_target"][5:] == 1).any()
    assert not batch["has_contrast"].any()


def test_tokens_that_the_dictionary_lacks(task):
    dataset = task.datasets["valid"]
    text = dataset[0]
    text["source"] = torch.where(text["source"] == text["source"][1], 60_000, text["source"])
    with pytest.raises(InputError, match="the corpus is damaged: it holds the token 60000, and"):
        dataset.collater([text])


def test_too_small_max_tokens(task):
    dataset = task.datasets["valid"]
    with pytest.raises(InputError, match=r"--max-tokens 100 has no room for the 3 rows"):
        dataset.batch_by_size(dataset.ordered_indices(), max_tokens=100)


@pytest.mark.parametrize("mode", ["none", "complete"])
def test_full_blocks_reach_the_shares(corpus, mode):
    """Blocks leave room for their views: full ones lose few replacements for want of it.

    The vocabulary of the tests is small and spells rare words in many pieces, which takes more
    room than with one of usual size.
    """
    task = make_task(corpus, sample_break_mode=mode, tokens_per_sample=256)
    task.load_dataset("train")
    dataset = task.datasets["train"]
    blocks = [dataset.blocks[i].numpy() for i in range(len(dataset))]
    vocabulary = task.rewriter.vocabulary
    roomy = BlockRewriter(task.rewriter.engine, vocabulary, 2 * task.cfg.tokens_per_sample)

    def shares(rewriter):
        views = rewriter.rewrite(blocks, 1, range(len(blocks)))
        return [(v.labels == 1).sum() / (v.labels >= 0).sum() for v in views]

    for share, free in zip(shares(task.rewriter), shares(roomy), strict=True):
        assert 0.55 * free < share <= 1.05 * free


def test_rtd_over_content_words(corpus):
    batches = []
    for content in (False, True):
        task = make_task(corpus, sample_break_mode="eos", rtd_content_words=content)
        task.load_dataset("valid")
        batches.append(batch_of(task.datasets["valid"], range(30)))
    every, content = (batch["rtd_target"] for batch in batches)
    assert ((content == 1) == (every == 1)).all()
    assert ((content == every) | (content == -1)).all()
    assert 0.1 < (content == 0).sum() / (every == 0).sum() < 0.6


class Lines:
    """A dataset of lines with given sizes."""

    def __init__(self, sizes):
        self.sizes = np.array(sizes)

    def __getitem__(self, i):
        return torch.arange(self.sizes[i]) + 100 * i

    def __len__(self):
        return len(self.sizes)


def test_cut_lines():
    dataset = CutLinesDataset(Lines([3, 0, 10, 1, 4]), 4)
    pieces = [dataset[i].tolist() for i in range(len(dataset))]
    cut = [[200, 201, 202, 203], [204, 205, 206, 207], [208, 209]]
    assert pieces == [[0, 1, 2], [], *cut, [300], [400, 401, 402, 403]]
    assert [len(piece) for piece in CutLinesDataset(Lines([9]), 8)] == [5, 4]
    assert dataset.sizes.tolist() == list(map(len, pieces))
    assert len(CutLinesDataset(Lines([3, 1, 10]), 4, min_length=2)) == 4
