"""What becomes of weights that are learned."""

import math

import pytest
import torch

from cline_fairseq.criterions.weighting import LEARNED, bounded, kendall

GRADIENTS = {  # with respect to s
    bounded: lambda loss, s: -math.exp(-s) * loss + (s > 0),
    kendall: lambda loss, s: -math.exp(-s) * loss + 0.5,
}


@pytest.mark.parametrize("weighting", GRADIENTS)
@pytest.mark.parametrize("loss", [0.0, 0.045, 1.3])
@pytest.mark.parametrize("start", [-1.0, 0.0, 0.5])
def test_gradient(weighting, loss, start):
    s = torch.tensor(start, requires_grad=True)
    weighting(torch.tensor(loss), s).backward()
    assert s.grad.item() == pytest.approx(GRADIENTS[weighting](loss, start))


def simulate(weighting, loss, updates=30_000, lr=1e-4):
    """The weights exp(-s) after each update of Adam, with a loss that stays as it is."""
    gradient = GRADIENTS[weighting]
    s = m = v = 0.0
    weights = []
    for update in range(1, updates + 1):
        g = gradient(loss, s)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        s -= lr * m / (1 - 0.9**update) / (math.sqrt(v / (1 - 0.999**update)) + 1e-8)
        weights.append(math.exp(-s))
    return weights


def test_bounded_weights_stay_alike():
    """With the losses in nats of masked LM, RTD and contrast late in a training."""
    weights = [simulate(bounded, loss) for loss in (1.3, 0.29, 0.045)]
    for at in zip(*weights, strict=True):
        assert max(at) / min(at) < 1.5
        assert max(at) < 1.001  # the overshoot
    assert [w[-1] for w in weights] == pytest.approx([1 / 1.3, 1, 1], abs=1e-3)


def test_bounded_weight_of_a_large_loss():
    """6.2 nats, of a masked LM from scratch: the weight goes down to 1 / 6.2 and stays there."""
    weights = simulate(bounded, 6.2)
    assert weights[-1] == pytest.approx(1 / 6.2, abs=1e-3)
    # At a learning rate of 1e-4, s takes 18,000 updates to come from 0 to ln 6.2.
    assert weights[10_000] > 2 / 6.2


def test_kendalls_weights_run_away():
    weights = [simulate(kendall, loss)[-1] for loss in (1.3, 0.29, 0.045)]
    assert weights == pytest.approx([1 / 2.6, 1 / 0.58, 1 / 0.09], rel=1e-2)


def test_learned_is_kendall():
    assert LEARNED["learned"] is LEARNED["kendall"]
