"""Options that change the rows of a text: masked views, and a clean original."""

import numpy as np
import pytest
import torch

from helpers import make_task

PAD = 1


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def options(request, corpus):
    if request.param == "sentencepiece":
        return {}
    folder, subwords = request.getfixturevalue("gpt2_corpus")
    return {"data": str(folder), "subwords": subwords}


def batch_of(task, indices=None, epoch=1):
    if "valid" not in task.datasets:
        task.load_dataset("valid")
    dataset = task.datasets["valid"]
    dataset.set_epoch(epoch)
    return dataset.collater([dataset[i] for i in indices or range(len(dataset))])


@pytest.fixture(scope="module")
def plain(corpus, options):
    return batch_of(make_task(corpus, **options))


@pytest.fixture(scope="module", params=[False, True], ids=["tokens", "whole words"])
def masked_task(request, corpus, options):
    return make_task(corpus, **options, mask_views=True, mask_whole_words=request.param)


def test_masked_views(masked_task, plain):
    batch = batch_of(masked_task)
    n, tokens = batch["nsentences"], batch["net_input"]["src_tokens"]
    target = batch["mlm_target"]
    assert target.shape == tokens.shape
    # The views are those of a batch without masks, and their tokens are what is predicted.
    predicted = target.ne(PAD)
    restored = torch.where(predicted, target, tokens)
    assert torch.equal(restored[n:], plain["net_input"]["src_tokens"][n:])
    if not masked_task.cfg.mask_whole_words:
        assert torch.equal(tokens[:n], plain["net_input"]["src_tokens"][:n])
        assert torch.equal(target[:n], plain["mlm_target"])
    # Masked are only tokens that were not replaced. They have no RTD target; the others do.
    labels = plain["rtd_target"]
    assert (labels[predicted[n:]] == 0).all()
    assert torch.equal(batch["rtd_target"], labels.masked_fill(predicted[n:], -1))
    for name in ("has_contrast", "view_tokens", "replaced_tokens", "ntokens"):
        assert np.array_equal(batch[name], plain[name]), name


def test_no_row_can_be_told_by_its_masks(masked_task):
    """Not by how many tokens are to be predicted, nor by how many are ``<mask>``."""
    batch = batch_of(masked_task)
    n, tokens = batch["nsentences"], batch["net_input"]["src_tokens"]
    lengths = batch["net_input"]["src_lengths"]
    for found in (batch["mlm_target"].ne(PAD), tokens.eq(masked_task.mask_idx)):
        shares = [
            (part.sum() / size.sum()).item()
            for part, size in zip(found.split(n), lengths.split(n), strict=True)
        ]
        assert shares[0] > 0.1
        assert shares == pytest.approx([shares[0]] * 3, rel=0.1)
    # Each text has its share, up to a word or the fraction of a token.
    if not masked_task.cfg.mask_whole_words:
        rates = batch["mlm_target"].ne(PAD).sum(1) - 0.15 * (lengths - 2)
        assert (rates.abs() < 1.2).float().mean() > 0.95


def test_masks_of_views_are_drawn_anew_and_alone(masked_task):
    first, second = batch_of(masked_task, [3, 8, 5]), batch_of(masked_task, [3, 8, 5], epoch=2)
    assert first["mlm_target"].shape != second["mlm_target"].shape or not torch.equal(
        first["mlm_target"], second["mlm_target"]
    )
    alone = batch_of(masked_task, [8])
    width = alone["mlm_target"].shape[1]
    for row in range(3):
        assert torch.equal(first["mlm_target"][3 * row + 1, :width], alone["mlm_target"][row])
    # The two views have streams of their own: equal places would show which words were replaced.
    synonym, antonym = alone["mlm_target"][1:].ne(PAD)
    assert not torch.equal(synonym, antonym)


@pytest.mark.parametrize("mask_views", [False, True])
def test_clean_original(corpus, options, mask_views):
    task = make_task(corpus, **options, clean_original=True, mask_views=mask_views)
    batch = batch_of(task)
    other = batch_of(make_task(corpus, **options, mask_views=mask_views))
    dataset, n = task.datasets["valid"], batch["nsentences"]
    tokens = batch["net_input"]["src_tokens"]
    assert len(tokens) == len(batch["net_input"]["src_lengths"]) == 4 * n
    assert torch.equal(tokens[: 3 * n], other["net_input"]["src_tokens"])
    assert torch.equal(batch["mlm_target"], other["mlm_target"])
    assert torch.equal(batch["rtd_target"], other["rtd_target"])
    assert batch["ntokens"] == batch["net_input"]["src_lengths"].sum() == tokens.ne(PAD).sum()
    for i, row in enumerate(tokens[3 * n :]):
        assert row[row.ne(PAD)].tolist() == dataset.blocks[i].tolist()
    # --max-tokens counts the fourth row.
    batches = dataset.batch_by_size(dataset.ordered_indices(), max_tokens=1500)
    assert sum(map(len, batches)) == n
    numbers = [batch_of(task, list(b))["net_input"]["src_tokens"].numel() for b in batches]
    assert 1000 < max(numbers) <= 1500
