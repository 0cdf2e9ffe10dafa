"""The contrastive loss against plain loops over texts."""

import math

import pytest
import torch

from cline_fairseq.criterions.contrast import (
    NEGATIVES,
    Scores,
    contrastive_loss,
    contrastive_scores,
)


def reference(sentences, has_antonym, negatives, similarity, temperature):
    """Losses and whether the synonym view is closest, text by text; None without negatives."""
    original, synonym, antonym = sentences.double().tolist()

    def score(a, b):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        if similarity == "cosine":
            dot /= math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
        return math.exp(dot / temperature)

    found = []
    for i, text in enumerate(original):
        others = []
        if negatives != "in_batch" and has_antonym[i]:
            others.append(score(text, antonym[i]))
        if negatives != "antonym":
            others += [score(text, view) for j, view in enumerate(synonym) if j != i]
        positive = score(text, synonym[i])
        loss = -math.log(positive / (positive + sum(others)))
        found.append((loss, positive > max(others)) if others else None)
    return found


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("similarity", ["dot", "cosine"])
@pytest.mark.parametrize("temperature", [1.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("texts", [1, 5])
def test_equals_a_plain_loop(negatives, similarity, temperature, dtype, texts):
    generator = torch.Generator().manual_seed(0)
    sentences = (0.6 * torch.randn(3, texts, 7, generator=generator)).to(dtype)
    has_antonym = torch.arange(texts) != 3
    options = (has_antonym, negatives, similarity, temperature)
    scores = contrastive_scores(sentences, *options)
    losses = contrastive_loss(scores)
    assert losses.dtype == torch.float32
    for i, expected in enumerate(reference(sentences, *options)):
        assert scores.has_negative()[i] == (expected is not None)
        if expected:
            assert losses[i].item() == pytest.approx(expected[0], rel=1e-4)
            assert scores.is_right()[i] == expected[1]
        else:
            assert losses[i] == 0
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(contrastive_loss(contrastive_scores(sentences, *options)), losses)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_gradients_are_finite_without_negatives(negatives):
    sentences = torch.randn(3, 1, 4, requires_grad=True)
    scores = contrastive_scores(sentences, torch.tensor([False]), negatives)
    assert not scores.has_negative().any()
    contrastive_loss(scores).sum().backward()
    assert not sentences.grad.any()


def test_does_not_overflow():
    positive, negative = torch.tensor([-1e4, 1e4]), torch.tensor([[1e4], [-1e4]])
    loss = contrastive_loss(Scores(positive, negative))
    assert loss.tolist() == pytest.approx([2e4, 0])


def test_in_batch_negatives_depend_on_the_batch():
    """Which is why --update-freq is not the same as a larger batch then."""
    sentences, has_antonym = torch.randn(3, 4, 7), torch.ones(2, dtype=torch.bool)
    for negatives in NEGATIVES:
        whole = contrastive_loss(
            contrastive_scores(sentences, has_antonym.repeat(2), negatives)
        ).sum()
        halves = sum(
            contrastive_loss(contrastive_scores(half, has_antonym, negatives)).sum()
            for half in sentences.split(2, dim=1)
        )
        assert torch.isclose(whole, halves) == (negatives == "antonym")
