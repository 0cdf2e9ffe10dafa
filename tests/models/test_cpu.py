"""What is faster on a CPU than torch's own: products and dropout; and rounded lengths.

Attention with dropout is in test_attention.py.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cline_fairseq.models.cpu import draw_kept, kept_share, missing_to_round, multiplies
from cline_fairseq.models.operations import Dropout, apply_linear, linear


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale_of_dropout(p):
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
    dropped = draw_kept((250_000, 4), 0.3).eq(0).double()
    for a, b in [(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)]:
        assert abs(torch.corrcoef(dropped[:, [a, b]].T)[0, 1]) < 0.01
    for i in range(4):
        assert abs(torch.corrcoef(torch.stack([dropped[1:, i], dropped[:-1, i]]))[0, 1]) < 0.01
        assert dropped[:, i].mean().item() == pytest.approx(0.3, abs=0.005)


def test_draws_follow_the_seed():
    def numbers(seed):
        torch.manual_seed(seed)
        return draw_kept((3, 5), 0.1)

    assert numbers(1).equal(numbers(1))
    assert not numbers(1).equal(numbers(2))


@pytest.mark.parametrize("residual", [False, True])
def test_gradients_of_dropout(residual):
    x = torch.randn(7, 9, requires_grad=True)
    r = torch.randn(7, 9, requires_grad=True) if residual else None
    dropout = Dropout(0.4).train()
    torch.manual_seed(2)
    out = dropout.add(x, r) if residual else dropout(x)
    torch.manual_seed(2)
    mask = draw_kept((7, 9), 0.4) / kept_share(0.4)
    torch.testing.assert_close(out, x * mask + (r if residual else 0))
    grad = torch.randn(7, 9)
    out.backward(grad)
    torch.testing.assert_close(x.grad, grad * mask)
    if residual:
        torch.testing.assert_close(r.grad, grad)


@pytest.mark.parametrize("p", [0.0, 1e-9, 1.0])
def test_extreme_probabilities(p):
    x = torch.randn(5, 5)
    torch.testing.assert_close(Dropout(p).train()(x), F.dropout(x, round(p)))
    torch.testing.assert_close(Dropout(p).eval()(x), x)


def test_dropout_of_other_dtypes():
    x = torch.ones(1000, dtype=torch.bfloat16)
    out = Dropout(0.5).train().add(x, x)
    assert out.dtype == torch.bfloat16
    assert set(out.tolist()) == {1.0, 3.0}
    assert Dropout(0.5).train().add(x, x.float()).dtype == torch.float32


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,), (1,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_linear_equals_torch(shape, dtype):
    torch.manual_seed(0)
    x = torch.randn(*shape, 24, dtype=dtype, requires_grad=True)
    layer = nn.Linear(24, 40).to(dtype)
    grad = torch.randn(*shape, 40, dtype=dtype)
    results = []
    for out in (apply_linear(layer, x), layer(x)):
        results.append([out, *torch.autograd.grad(out, [x, *layer.parameters()], grad)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_linear_in_bf16_rounds_once():
    """Against fp64: no further off than torch's own, and through oneDNN where it has bf16."""
    torch.manual_seed(0)
    x = torch.randn(70, 96).bfloat16().requires_grad_()
    layers = [nn.Linear(96, 40).bfloat16(), nn.Linear(96, 8).bfloat16()]
    wanted = [x, *(p for layer in layers for p in layer.parameters())]
    grad = torch.randn(70, 48).bfloat16()
    assert multiplies(x, layers[0].weight) == torch.ops.mkldnn._is_mkldnn_bf16_supported()
    ours = apply_linear(layers, x)
    torchs = torch.cat([layer(x) for layer in layers], 1)
    exact_inputs = [t.detach().double().requires_grad_() for t in wanted]
    exact = torch.cat(
        [F.linear(exact_inputs[0], w, b) for w, b in (exact_inputs[1:3], exact_inputs[3:])], 1
    )
    expected = [exact, *torch.autograd.grad(exact, exact_inputs, grad.double())]
    for i, want in enumerate(expected):
        found, other = (
            out if i == 0 else torch.autograd.grad(out, wanted[i - 1], grad, retain_graph=True)[0]
            for out in (ours, torchs)
        )
        assert found.dtype == torch.bfloat16
        error, torchs_error = ((t.double() - want).abs().max() for t in (found, other))
        assert error <= 1.05 * torchs_error + 1e-6


def test_frozen_weights_and_inputs():
    x, weight, bias = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5, requires_grad=True)
    linear(x, [weight], [bias]).sum().backward()
    torch.testing.assert_close(bias.grad, torch.full((5,), 3.0))


def test_linear_under_autocast_makes_bf16():
    x, weight, bias = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5)
    with torch.autocast("cpu", torch.bfloat16):
        out = linear(x, [weight], [bias])
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), F.linear(x, weight, bias), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("rows", [0, 6])
def test_linear_layers_side_by_side(rows):
    torch.manual_seed(0)
    x = torch.randn(rows, 24, requires_grad=True)
    layers = nn.ModuleList([nn.Linear(24, 8), nn.Linear(24, 40), nn.Linear(24, 1)])
    layers[1].weight.requires_grad_(False)
    wanted = [x, *(p for p in layers.parameters() if p.requires_grad)]
    grad = torch.randn(rows, 49)
    results = []
    for out in (apply_linear(list(layers), x), torch.cat([layer(x) for layer in layers], 1)):
        results.append([out, *torch.autograd.grad(out, wanted, grad)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_round_lengths_repeat():
    for power in range(6, 16):
        lengths = range(2**power, 2 ** (power + 1))
        filled = {length + missing_to_round(length) for length in lengths}
        assert len(filled) <= 33
        assert all(missing_to_round(length) < length / 32 for length in lengths)
        assert not any(missing_to_round(length) for length in filled)
