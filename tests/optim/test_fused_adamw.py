import logging

import pytest
import torch
from omegaconf import OmegaConf

from cline_fairseq.errors import InputError
from cline_fairseq.optim.fused_adamw import FusedAdamW, FusedAdamWConfig, parse_betas


def build(params, **options):
    config = {"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "weight_decay": 0.1, "lr": [1e-2]}
    return FusedAdamW(OmegaConf.create({**config, **options}), params)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_equal_plain_adamw(dtype, caplog):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, 3, generator=generator)
    param = torch.nn.Parameter(start.to(dtype))
    with caplog.at_level(logging.INFO):
        optimizer = build([param])
    assert "torch AdamW, fused" in caplog.text
    x, m, v = param.detach().double(), 0.0, 0.0
    for step in range(1, 6):
        gradient = torch.randn(5, 3, generator=generator).to(dtype)
        param.grad = gradient.clone()
        optimizer.step()
        m = 0.9 * m + 0.1 * gradient.double()
        v = 0.98 * v + 0.02 * gradient.double() ** 2
        x = x - 1e-2 * 0.1 * x
        x -= 1e-2 * (m / (1 - 0.9**step)) / ((v / (1 - 0.98**step)).sqrt() + 1e-6)
    tolerance = 1e-6 if dtype == torch.float32 else 2e-2
    torch.testing.assert_close(param.detach().double(), x, atol=tolerance, rtol=tolerance)


def test_learning_rate_and_state():
    param = torch.nn.Parameter(torch.ones(2))
    optimizer = build([param])
    assert optimizer.get_lr() == 1e-2
    optimizer.set_lr(0.5)
    param.grad = torch.ones(2)
    optimizer.step()
    other = build([torch.nn.Parameter(torch.ones(2))])
    other.load_state_dict(optimizer.state_dict(), {"lr": 0.25})
    assert other.get_lr() == 0.25
    assert other.optimizer.state[other.optimizer.param_groups[0]["params"][0]]["step"] == 1


@pytest.mark.parametrize("betas", [(0.9, 0.98), [0.9, 0.98], "(0.9, 0.98)", "[0.9,0.98]"])
def test_betas(betas):
    assert parse_betas(betas) == (0.9, 0.98)


@pytest.mark.parametrize("betas", ["0.9", "(0.9, 1.5)", "(a, b)", 0.9, "__import__('os')"])
def test_bad_betas(betas):
    with pytest.raises(InputError, match="--adam-betas must be two numbers"):
        parse_betas(betas)


def test_defaults_are_the_papers():
    config = FusedAdamWConfig()
    assert (*config.adam_betas, config.adam_eps, config.weight_decay) == (0.9, 0.999, 1e-8, 0.01)
