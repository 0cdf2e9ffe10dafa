import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cline_fairseq.models.linear import apply_linear, linear


@pytest.mark.parametrize("shape", [(5,), (2, 3), (0,), (1,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_torch(shape, dtype):
    torch.manual_seed(0)
    x = torch.randn(*shape, 24, dtype=dtype, requires_grad=True)
    layer = nn.Linear(24, 40).to(dtype)
    grad = torch.randn(*shape, 40, dtype=dtype)
    results = []
    for out in (apply_linear(layer, x), layer(x)):
        results.append([out, *torch.autograd.grad(out, [x, *layer.parameters()], grad)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_frozen_weights_and_inputs():
    x, weight, bias = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5, requires_grad=True)
    linear(x, [weight], [bias]).sum().backward()
    torch.testing.assert_close(bias.grad, torch.full((5,), 3.0))


def test_autocast_makes_bf16():
    x, weight, bias = torch.randn(3, 4), torch.randn(5, 4), torch.randn(5)
    with torch.autocast("cpu", torch.bfloat16):
        out = linear(x, [weight], [bias])
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), F.linear(x, weight, bias), atol=0.1, rtol=0.1)


@pytest.mark.parametrize("rows", [0, 6])
def test_layers_side_by_side(rows):
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
