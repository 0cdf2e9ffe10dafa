"""Batches of real text, with both tokenizers."""

import numpy as np
import pytest
import torch
from helpers import make_task

from cline_fairseq.data.lines import CutLinesDataset
from cline_fairseq.data.subwords import build_subwords
from cline_fairseq.rewriting import Kind, split_words
from cline_fairseq.rewriting.tags import INFLECTIONS
from cline_fairseq.rewriting.words import case_of, with_case

PAD, EOS, UNK = 1, 2, 3
OPEN_TAGS = [tag for tags in INFLECTIONS.values() for tag in tags]


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def task(request, corpus):
    if request.param == "sentencepiece":
        task = make_task(corpus, sample_break_mode="complete")
    else:
        folder, subwords = request.getfixturevalue("gpt2_corpus")
        task = make_task(corpus, data=str(folder), subwords=subwords, sample_break_mode="complete")
    task.load_dataset("valid")
    return task


def decode(task, tokens):
    """Words of token ids, the way the tokenizer itself decodes them."""
    symbols = " ".join(task.dictionary[t] for t in tokens)
    return build_subwords(task.cfg.subwords).decode(symbols)


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


def test_labels_align_word_by_word(task):
    """Tokens labelled 0 are those of the original, in their order, and special ones stay."""
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(len(dataset)))
    _, synonyms, antonyms = rows_of(batch)
    replaced_any = 0
    for i, row in enumerate(synonyms + antonyms):
        source = dataset.blocks[i % batch["nsentences"]].tolist()
        labels = batch["rtd_target"][i, : len(row)].tolist()
        kept = [t for t, label in zip(row, labels, strict=True) if label != 1]
        # What is kept is the original without the replaced words: a subsequence of it.
        position = iter(source)
        assert all(token in position for token in kept)
        special = [t for t, label in zip(row, labels, strict=True) if label == -1]
        assert special == [t for t in source if t in (0, EOS)]
        replaced_any += 1 in labels
    assert replaced_any > len(dataset)


def test_views_decode_to_candidates(task, lexicon, tagger):
    """Every replaced word is a candidate of the word that stood there, in its case."""
    dataset, rewriter = task.datasets["valid"], task.rewriter
    known = {
        kind: set(np.unique(lexicon.data.pair_candidate[lexicon.data.pair_kind == kind]).tolist())
        for kind in Kind
    }
    assert known[Kind.SYNONYM]
    batch = batch_of(dataset, range(40))
    _, synonyms, _ = rows_of(batch)
    checked = 0
    for i, row in enumerate(synonyms):
        source = dataset.blocks[i].numpy()
        old = words_of(rewriter, source)
        labels = batch["rtd_target"][i, : len(row)].numpy()
        spans = list(zip(*segments(labels == 1), strict=True))
        kept_tokens = [int(t) for t, label in zip(row, labels, strict=True) if label != 1]
        assert len(kept_tokens) + sum(e - s for s, e in spans) == len(row)
        options = {
            with_case(c, case_of(word)).replace(" ", "")
            for word in old
            for tag in OPEN_TAGS
            for kind in (Kind.SYNONYM, Kind.HYPERNYM, Kind.INFLECTION)
            for c in lexicon.candidates(word, tag, kind)
        }
        for start, end in spans:
            text = decode(task, row[start:end]).replace(" ", "")
            # Neighbours may be replaced side by side: then the text is made of several.
            assert is_made_of(text, options), (text, old)
            checked += 1
    assert checked > 50


def is_made_of(text, options):
    return not text or any(
        text.startswith(option) and is_made_of(text[len(option) :], options)
        for option in options
        if option
    )


def segments(mask):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return edges[::2].tolist(), edges[1::2].tolist()


def words_of(rewriter, tokens):
    starts, _ = rewriter.words(tokens, np.array([len(tokens)]))
    ends = [*starts[1:], len(tokens)]
    texts = rewriter.vocabulary.texts
    return ["".join(texts[tokens[s:e]]) for s, e in zip(starts, ends, strict=True)]


def test_words_of_a_block(task, texts):
    """The words of a block are those that splitting its text gives."""
    from cline_fairseq.data.subwords import build_subwords

    subwords = build_subwords(task.cfg.subwords)
    same = total = 0
    for text in texts[:100]:
        ids = [task.dictionary.index(s) for s in subwords.encode(text).split()]
        found = words_of(task.rewriter, np.array([0, *ids, EOS]))
        expected = split_words(text)
        same += len(set(found) & set(expected))
        total += len(set(expected))
    assert same / total > 0.9


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
    subwords = build_subwords(task.cfg.subwords)
    symbols = [s for text in texts[: len(texts) // 8] for s in subwords.encode(text).split()]
    # Nothing is lost, long lines included, in any mode.
    assert found == [task.dictionary.index(symbol) for symbol in symbols]
    sizes = {len(block) for block in dataset.blocks}
    if mode == "none":
        assert len(sizes - {32}) <= 1
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
        assert (np.diff(dataset.sizes[orders[-1]]) >= 0).all()
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
        starts, _ = task.rewriter.words(tokens, np.array([len(tokens)]))
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
            of_word = predicted[start:end][tokens[start:end] != UNK]
            assert of_word.all() or not of_word.any()


def test_nothing_to_replace(corpus):
    """A text of function words and numbers alone has no contrast, and is no error."""
    task = make_task(corpus, sample_break_mode="eos", synonym_ratio=0.0)
    task.load_dataset("valid")
    dataset = task.datasets["valid"]
    batch = batch_of(dataset, range(5))
    assert not batch["has_contrast"].any()
    assert not (batch["rtd_target"][:5] == 1).any()
    symbols = ["▁of", "▁the", ".", "▁to", "▁and"]
    ids = torch.tensor([0, *(task.dictionary.index(s) for s in symbols), EOS])
    batch = dataset.collater([{"id": 0, "source": ids}, {"id": 1, "source": ids[[0, -1]]}])
    assert batch["net_input"]["src_tokens"][2].tolist() == ids.tolist()
    assert not (batch["rtd_target"] == 1).any()


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
