import pytest
import torch
from torch.nn import functional as F

from cline_fairseq.models.dropout import Dropout, draw, kept_share


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale(p):
    torch.manual_seed(0)
    x = torch.ones(300, 1000)
    out = Dropout(p).train()(x)
    share = out.eq(0).float().mean().item()
    assert share == pytest.approx(p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5)
    assert out[out.ne(0)].unique().tolist() == pytest.approx([1 / (1 - p)], rel=2e-4)
    assert out.mean().item() == pytest.approx(1, abs=0.02)


def test_elements_are_independent():
    """The four that share a random number, and the same place of numbers in a row."""
    torch.manual_seed(0)
    dropped = draw((250_000, 4), 0.3).lt(0).double()
    for a, b in [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)]:
        assert abs(torch.corrcoef(dropped[:, [a, b]].T)[0, 1]) < 0.01
    for i in range(4):
        assert abs(torch.corrcoef(torch.stack([dropped[1:, i], dropped[:-1, i]]))[0, 1]) < 0.01
        assert dropped[:, i].mean().item() == pytest.approx(0.3, abs=0.005)


def test_draws_follow_the_seed():
    def numbers(seed):
        torch.manual_seed(seed)
        return draw((3, 5), 0.1)

    assert numbers(1).equal(numbers(1))
    assert not numbers(1).equal(numbers(2))


@pytest.mark.parametrize("residual", [False, True])
def test_gradients(residual):
    x = torch.randn(7, 9, requires_grad=True)
    r = torch.randn(7, 9, requires_grad=True) if residual else None
    dropout = Dropout(0.4).train()
    torch.manual_seed(2)
    out = dropout.add(x, r) if residual else dropout(x)
    torch.manual_seed(2)
    mask = draw((7, 9), 0.4).ge(0) / kept_share(0.4)
    torch.testing.assert_close(out, x * mask + (r if residual else 0))
    grad = torch.randn(7, 9)
    out.backward(grad)
    torch.testing.assert_close(x.grad, grad * mask)
    if residual:
        torch.testing.assert_close(r.grad, grad)


@pytest.mark.parametrize("p", [0.0, 1e-9, 1.0])
def test_extremes(p):
    x = torch.randn(5, 5)
    torch.testing.assert_close(Dropout(p).train()(x), F.dropout(x, round(p)))
    torch.testing.assert_close(Dropout(p).eval()(x), x)


def test_other_dtypes():
    x = torch.ones(1000, dtype=torch.bfloat16)
    out = Dropout(0.5).train().add(x, x)
    assert out.dtype == torch.bfloat16
    assert set(out.tolist()) == {1.0, 3.0}
    assert Dropout(0.5).train().add(x, x.float()).dtype == torch.float32
