import logging
from copy import deepcopy

import pytest
import torch

from cline_fairseq.optim.low_precision_adamw import LowPrecisionAdamW

DTYPES = [torch.bfloat16, torch.float16]


def low_precision(params, lr=1e-4, seed=1):
    return LowPrecisionAdamW(params, seed, lr=lr, weight_decay=0.0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars_and_norms_follow_fp32(dtype):
    """1,000 updates with a learning rate that bf16 near 1.0 loses in rounding: within 5 %."""
    generator = torch.Generator().manual_seed(0)
    start = [torch.ones(64), torch.zeros(64), torch.zeros(()), torch.full((), 1.5)]
    targets = [torch.full_like(p, 2.0) for p in start]

    def run(dtype, optimizer_of):
        generator.manual_seed(0)
        params = [torch.nn.Parameter(p.to(dtype, copy=True)) for p in start]
        optimizer = optimizer_of(params)
        for _ in range(1000):
            for param, target in zip(params, targets, strict=True):
                noise = torch.randn(param.shape, generator=generator)
                param.grad = (param.detach().float() - target + noise).to(dtype)
            optimizer.step()
        return params, optimizer

    exact, _ = run(torch.float32, lambda params: torch.optim.AdamW(params, 1e-4, weight_decay=0.0))
    params, optimizer = run(dtype, low_precision)
    for before, expected, param in zip(start, exact, params, strict=True):
        copy = optimizer.state[param]["master"]
        moved = float((expected.detach() - before).mean())
        assert moved > 0.02
        assert float((copy - before).mean()) == pytest.approx(moved, rel=0.05)
        torch.testing.assert_close(copy, expected.detach(), rtol=0.05, atol=0.01)
        assert torch.equal(param, copy.to(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_have_no_bias(dtype):
    """Updates far below the precision of the weights add up to what they are in fp32."""
    start = torch.randn(300, 300, generator=torch.Generator().manual_seed(0)).mul_(0.02).to(dtype)
    sign = torch.ones(300, 300)
    sign[150:] = -1
    param = torch.nn.Parameter(start.clone())
    optimizer = low_precision([param], lr=1e-6)
    for _ in range(200):
        param.grad = (1e-3 * sign).to(dtype)
        optimizer.step()
    moved = (param.detach().float() - start.float()) * sign
    for half in (moved[:150], moved[150:]):  # constant gradients move by the learning rate
        assert float(half.mean()) == pytest.approx(-200e-6, rel=0.05)


def trained(dtype, seed=1, steps=0, state=None, params=None, first=0):
    if params is None:
        shapes = [(20, 30), (30,), ()]
        params = [torch.full(shape, 0.3).to(dtype) for shape in shapes]
    params = [torch.nn.Parameter(p.detach().clone()) for p in params]
    optimizer = low_precision(params, seed=seed)
    if state is not None:
        optimizer.load_state_dict(deepcopy(state))
    for step in range(first, first + steps):
        generator = torch.Generator().manual_seed(step)
        for param in params:
            param.grad = torch.randn(param.shape, generator=generator).to(dtype)
        optimizer.step()
    return params, optimizer


@pytest.mark.parametrize("dtype", DTYPES)
def test_resumes_exactly(dtype):
    whole, _ = trained(dtype, steps=20)
    before, optimizer = trained(dtype, steps=8)
    after, _ = trained(dtype, steps=12, first=8, state=optimizer.state_dict(), params=before)
    for expected, result in zip(whole, after, strict=True):
        assert torch.equal(expected, result)
    assert not torch.equal(trained(dtype, seed=2, steps=20)[0][0], whole[0])


def test_each_update_rounds_anew():
    """Two updates that move the same number as far round it differently."""
    param = torch.nn.Parameter(torch.empty(100, 100, dtype=torch.bfloat16))
    optimizer = low_precision([param], lr=1e-3)
    results = []
    for _ in range(2):
        param.data.fill_(0.3)
        param.grad = torch.ones_like(param)
        optimizer.step()
        results.append(param.detach().clone())
    assert not torch.equal(*results)


def test_only_vectors_and_scalars_have_copies():
    params, optimizer = trained(torch.bfloat16, steps=1)
    copies = [optimizer.state[param].get("master") for param in params]
    assert copies[0] is None
    assert [copy.dtype for copy in copies[1:]] == [torch.float32] * 2


def test_a_changed_model_overrules_the_copies(caplog):
    params, optimizer = trained(torch.bfloat16, steps=3)
    changed = [param.detach() + 1 for param in params]
    with caplog.at_level(logging.WARNING):
        after, _ = trained(torch.bfloat16, steps=1, state=optimizer.state_dict(), params=changed)
    assert "do not round to its model" in caplog.text
    for param, start in zip(after, changed, strict=True):
        torch.testing.assert_close(param.detach(), start, atol=1e-2, rtol=1e-2)
