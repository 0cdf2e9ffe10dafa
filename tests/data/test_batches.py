"""Batches hold every block once, whatever the limits, the number of workers and the order."""

import itertools
import logging

import numpy as np
import pytest
import torch
from fairseq.data import data_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from cline_fairseq.data.cline_dataset import ClineDataset
from cline_fairseq.errors import InputError
from helpers import make_task


class Blocks:
    """Blocks of given lengths."""

    def __init__(self, sizes):
        self.sizes = np.array(sizes, np.uint16)

    def __getitem__(self, index):
        return torch.full((int(self.sizes[index]),), 5)


@pytest.fixture(scope="module")
def task(corpus):
    return make_task(corpus)


def dataset_of(task, sizes):
    return ClineDataset(Blocks(sizes), task.rewriter, None, pad=1)


SIZES = st.lists(st.integers(2, 57), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(
    sizes=SIZES,
    max_tokens=st.none() | st.integers(3 * 64, 3000),
    max_sentences=st.none() | st.integers(1, 20),
    multiple=st.integers(1, 16),
)
def test_every_block_is_in_one_batch(task, sizes, max_tokens, max_sentences, multiple):
    dataset = dataset_of(task, sizes)
    order = dataset.ordered_indices()
    limits = {"max_tokens": max_tokens, "max_sentences": max_sentences}
    batches = dataset.batch_by_size(order, required_batch_size_multiple=multiple, **limits)
    np.testing.assert_array_equal(np.concatenate(batches), order)
    for batch in batches:
        assert 0 < len(batch) <= (max_sentences or len(sizes))
        if max_tokens:
            assert len(batch) * dataset.num_tokens_vec(batch).max() <= max_tokens
    # What fairseq keeps are the batches that it makes.
    kept = data_utils.batch_by_size(
        order, None, dataset.num_tokens_vec(order), required_batch_size_multiple=multiple, **limits
    )
    assert list(map(list, kept)) == list(map(list, batches[: len(kept)]))


@settings(max_examples=60, deadline=None)
@given(
    sizes=SIZES,
    workers=st.integers(1, 5),
    grouped=st.booleans(),
    shuffle=st.booleans(),
    max_positions=st.sampled_from([None, 20, 64]),  # fairseq gives the least of all limits
)
def test_every_block_is_with_one_worker(task, sizes, workers, grouped, shuffle, max_positions):
    dataset = dataset_of(task, sizes)
    ids, rounds = [], set()
    for worker in range(workers):
        iterator = task.get_batch_iterator(
            dataset,
            max_sentences=4,
            max_positions=max_positions,
            required_batch_size_multiple=8,
            ignore_invalid_inputs=True,
            num_shards=workers,
            shard_id=worker,
            grouped_shuffling=grouped,
        )
        batches = iterator.ordered_batches(1, False, shuffle)
        ids += itertools.chain.from_iterable(batches)
        rounds.add(len(batches))
        assert len(iterator) == len(batches)
    assert sorted(ids) == list(range(len(sizes)))
    assert len(rounds) == 1  # all workers make as many updates


def test_few_batches_are_told(task, caplog):
    with caplog.at_level(logging.WARNING):
        task.get_batch_iterator(dataset_of(task, [9] * 5), max_sentences=2, num_shards=3)
        assert not caplog.messages
        task.get_batch_iterator(dataset_of(task, [9] * 5), max_sentences=2, num_shards=8)
    assert "3 batches for 8 workers, so 5 of them will be idle" in caplog.text


def test_skipped_remainder_is_told(task, caplog):
    limits = {"max_sentences": 2, "skip_remainder_batch": True}
    with caplog.at_level(logging.WARNING):
        task.get_batch_iterator(dataset_of(task, [9] * 5), **limits)
    assert "--skip-remainder-batch drops the last of the 3 batches" in caplog.text
    with pytest.raises(InputError, match="--skip-remainder-batch leaves nothing of the split"):
        task.get_batch_iterator(dataset_of(task, [9] * 2), **limits)


def test_order_shares_no_random_numbers_with_the_views(task):
    dataset = dataset_of(task, [9] * 500)
    for purpose in ((), (0,), (0, 1)):  # views of block 0, twice, and its masking
        shared = np.random.default_rng((dataset.seed, dataset.epoch, *purpose)).permutation(500)
        assert (dataset.ordered_indices() == shared).mean() < 0.1
