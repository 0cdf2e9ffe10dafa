import copy
import logging

import pytest
import torch
from fairseq.optim.adam import FairseqAdam
from fairseq.optim.fp16_optimizer import MemoryEfficientFP16Optimizer
from omegaconf import OmegaConf

from cline_fairseq.errors import InputError
from cline_fairseq.optim import fused_adamw
from cline_fairseq.optim.fused_adamw import FusedAdamW, FusedAdamWConfig, parse_betas


def build(params, **options):
    config = {"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "weight_decay": 0.1, "lr": [1e-2]}
    config |= {"decay_matrices_only": False, "seed": 1}
    return FusedAdamW(OmegaConf.create({**config, **options}), params)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_equal_plain_adamw(dtype, caplog):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(5, 3, generator=generator)
    param = torch.nn.Parameter(start.to(dtype))
    with caplog.at_level(logging.INFO):
        optimizer = build([param])
    assert "torch AdamW, fused" in caplog.text
    assert ("fp32 state" in caplog.text) == (dtype != torch.float32)
    x, m, v = param.detach().double(), 0.0, 0.0
    for step in range(1, 6):
        gradient = torch.randn(5, 3, generator=generator).to(dtype)
        param.grad = gradient.clone()
        optimizer.step()
        m = 0.9 * m + 0.1 * gradient.double()
        v = 0.98 * v + 0.02 * gradient.double() ** 2
        x = x - 1e-2 * 0.1 * x
        x -= 1e-2 * (m / (1 - 0.9**step)) / ((v / (1 - 0.98**step)).sqrt() + 1e-6)
        # Parameters are rounded in each step, the moments are not.
        x = x.to(dtype).double()
    tolerance = 1e-6 if dtype == torch.float32 else 1e-2
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


def small_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))


def train(model, optimizer, steps, seed=0):
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    for _ in range(steps):
        optimizer.zero_grad()
        inputs = torch.randn(8, 6, generator=generator).to(dtype)
        model(inputs).float().square().sum().backward()
        optimizer.step()


def test_weight_decay_of_matrices_only():
    """Without gradients a step is weight decay alone."""
    model = small_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = build(model.parameters(), decay_matrices_only=True)
    assert not optimizer.supports_flat_params
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        expected = before[name] * (1 - 1e-2 * 0.1) if p.dim() > 1 else before[name]
        torch.testing.assert_close(p.detach(), expected)
    assert len(list(optimizer.params)) == 6
    # Options of the checkpoint give way to those of the run, in the right group.
    optimizer.load_state_dict(optimizer.state_dict(), {"weight_decay": 0.2})
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]


def fairseq_adam(params):
    config = {"adam_betas": "(0.9, 0.98)", "adam_eps": 1e-6, "weight_decay": 0.1, "lr": [1e-2]}
    config |= {"use_old_adam": True, "fp16_adam_stats": False, "tpu": False}
    return FairseqAdam(OmegaConf.create(config), params)


@pytest.mark.parametrize("start", ["adam", "fused", "grouped"])
@pytest.mark.parametrize("grouped", [False, True])
def test_goes_on_from_the_state_of(start, grouped):
    """Three steps with one optimizer and three with ours are six steps with ours."""
    makers = {
        "adam": fairseq_adam,
        "fused": build,
        "grouped": lambda params: build(params, decay_matrices_only=True, weight_decay=0.0),
    }
    options = {"decay_matrices_only": grouped}
    if start == "grouped" or grouped:
        options["weight_decay"] = 0.0  # so that the groups make no difference
        makers["fused"] = lambda params: build(params, weight_decay=0.0)
    model, reference = small_model(), small_model()
    first = makers[start](list(model.parameters()))
    if start == "adam" and grouped:
        first.optimizer.param_groups[0]["weight_decay"] = 0.0
    whole = build(reference.parameters(), **options)
    train(model, first, 3)
    second = build(model.parameters(), **options)
    second.load_state_dict(copy.deepcopy(first.state_dict()), second.optimizer_config)
    train(model, second, 3, seed=1)
    train(reference, whole, 3)
    train(reference, whole, 3, seed=1)
    for p, q in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=1e-5)
    assert all(group.get("fused") for group in second.param_groups)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_state_of_low_precision_survives_a_checkpoint(dtype):
    """As fairseq's memory-efficient optimizer loads it, bit by bit."""
    config = OmegaConf.create(
        {
            "optimizer": {},
            "common": {"bf16": dtype == torch.bfloat16, "fp16_scale_window": 4,
                       "fp16_init_scale": 4, "fp16_scale_tolerance": 0.0,
                       "threshold_loss_scale": None, "min_loss_scale": 1e-4},
        }
    )  # fmt: skip

    def wrapped(model):
        inner = build(model.parameters())
        return MemoryEfficientFP16Optimizer(config, list(model.parameters()), inner), inner

    model, reference = small_model().to(dtype), small_model().to(dtype)
    (outer, inner), (_, whole) = wrapped(model), wrapped(reference)
    train(model, inner, 3, 0)
    again = small_model().to(dtype)
    again.load_state_dict(model.state_dict())
    other, other_inner = wrapped(again)
    other.load_state_dict(copy.deepcopy(outer.state_dict()), inner.optimizer_config)
    moments = [s["exp_avg"] for s in other.optimizer.state.values()]
    assert all(m.dtype == torch.float32 for m in moments)
    train(again, other_inner, 3, 1)
    train(reference, whole, 3, 0)
    train(reference, whole, 3, 1)
    for p, q in zip(again.parameters(), reference.parameters(), strict=True):
        assert torch.equal(p, q)
    saved = outer.state_dict()
    assert other.optimizer.state[next(again.parameters())] is not saved["state"][0]


class ApexStandIn(torch.optim.Optimizer):
    """Adam with the signature of apex's FusedAdam, which counts its steps by group."""

    def __init__(
        self,
        params,
        lr=1e-3,
        bias_correction=True,
        betas=(0.9, 0.999),
        eps=1e-8,
        adam_w_mode=True,
        weight_decay=0.0,
        amsgrad=False,
        set_grad_none=True,
        capturable=False,
        master_weights=False,
    ):
        assert (bias_correction, adam_w_mode, amsgrad) == (True, True, False)
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def step(self, closure=None):
        for group in self.param_groups:
            group["step"] = group.get("step", 0) + 1
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                m = state.setdefault("exp_avg", torch.zeros_like(p))
                v = state.setdefault("exp_avg_sq", torch.zeros_like(p))
                m.lerp_(p.grad, 1 - beta1)
                v.lerp_(p.grad.square(), 1 - beta2)
                m_hat, v_hat = (x / (1 - b ** group["step"]) for x, b in ((m, beta1), (v, beta2)))
                change = m_hat / (v_hat.sqrt() + group["eps"]) + group["weight_decay"] * p.detach()
                p.data.sub_(change, alpha=group["lr"])


@pytest.mark.parametrize(("first", "second"), [(a, b) for a in "AT" for b in "AT"])
def test_apex_and_torch_go_on_from_each_other(monkeypatch, first, second):
    """With A for apex, T for torch: three steps with one and three with the other are six."""

    def make(kind, model):
        found = ApexStandIn if kind == "A" else None
        monkeypatch.setattr(fused_adamw, "_apex_fused_adam", lambda params: found)
        return build(model.parameters(), decay_matrices_only=True)

    model, reference = small_model(), small_model()
    before = make(first, model)
    train(model, before, 3)
    after = make(second, model)
    after.load_state_dict(copy.deepcopy(before.state_dict()), after.optimizer_config)
    train(model, after, 3, seed=1)
    whole = make("T", reference)
    train(reference, whole, 3)
    train(reference, whole, 3, seed=1)
    for p, q in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=1e-6, rtol=1e-5)


def test_state_of_another_model():
    optimizer = build(small_model().parameters())
    with pytest.raises(InputError, match=r"is of 6 parameters, and this model has 2: pass --reset"):
        build(torch.nn.Linear(2, 2).parameters()).load_state_dict(optimizer.state_dict())


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
