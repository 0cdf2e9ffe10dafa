"""Half-precision optimizers of fairseq on a CPU: what they save, and that they resume exactly."""

import logging
import sys
from unittest import mock

import pytest
import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.optim import FP16Optimizer, MemoryEfficientFP16Optimizer
from fairseq.trainer import Trainer
from fairseq.utils import move_to_cpu
from omegaconf import OmegaConf

from cline_fairseq import compat  # noqa: F401  saves the masters
from cline_fairseq.optim import fused_adamw  # noqa: F401  registers the optimizer
from helpers import train_command

FORMS = {
    "fp16": {"fp16": True},
    "fp16, not flat": {"fp16": True, "fp16_no_flatten_grads": True},
    "bf16": {"bf16": True},
    "memory-efficient fp16": {"fp16": True, "memory_efficient_fp16": True},
    "memory-efficient bf16": {"bf16": True, "memory_efficient_bf16": True},
}
SAVED = {name: form for name, form in FORMS.items() if "memory" not in name}


@pytest.fixture(autouse=True)
def flat_weights_on_cpu(monkeypatch):
    """fairseq makes the flat fp32 weights on the current GPU; None is the index of the CPU."""
    monkeypatch.setattr(torch.cuda, "current_device", lambda: None)


def config(form, optimizer):
    common = {"fp16_scale_window": 3, "fp16_init_scale": 2**13, "fp16_scale_tolerance": 0.0,
              "threshold_loss_scale": None, "min_loss_scale": 1e-4}  # fmt: skip
    settings = {"_name": optimizer, "lr": [1e-3], "adam_betas": "(0.9, 0.999)", "adam_eps": 1e-8}
    settings |= {"weight_decay": 0.01}
    if optimizer == "adam":
        settings |= {"use_old_adam": True, "fp16_adam_stats": False, "tpu": False}
    else:
        settings |= {"seed": 1, "decay_matrices_only": False}
    return OmegaConf.create(
        {
            "common": {"bf16": False, **common, **form},
            "optimizer": settings,
            "optimization": {"update_freq": [1]},
        }
    )


class Run:
    """A small model with learned scalars, in half precision."""

    def __init__(self, form, optimizer="fused_adamw", checkpoint=None):
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.LayerNorm(4))
        self.model.scalar = torch.nn.Parameter(torch.zeros(()))
        self.dtype = torch.bfloat16 if "bf16" in form else torch.float16
        self.model.to(self.dtype)
        if checkpoint is not None:
            self.model.load_state_dict(checkpoint["model"])
        kind = FP16Optimizer
        if any(name.startswith("memory") for name in form):
            kind = MemoryEfficientFP16Optimizer
        params = list(self.model.parameters())
        self.optimizer = kind.build_optimizer(config(form, optimizer), params)
        if checkpoint is not None:
            state = checkpoint["last_optimizer_state"]
            self.optimizer.load_state_dict(state, self.optimizer.optimizer_config)

    def train(self, first, last):
        """The losses, and the scales that they are multiplied by."""
        log = []
        for step in range(first, last):
            inputs = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
            self.optimizer.zero_grad()
            output = self.model(inputs.to(self.dtype)).float()
            loss = ((output - 0.3).square() * torch.exp(-self.model.scalar.float())).sum()
            self.optimizer.backward(loss)
            try:
                self.optimizer.clip_grad_norm(5.0)
                self.optimizer.step()
            except OverflowError:
                pass
            scaler = self.optimizer.scaler
            log.append((loss.item(), None if scaler is None else scaler.loss_scale))
        return log

    def checkpoint(self, path):
        """As fairseq saves and loads it: in fp32, on the CPU, plain data only."""
        state = {
            "model": self.model.state_dict(),
            "last_optimizer_state": self.optimizer.state_dict(),
        }
        torch.save(move_to_cpu(state), path)
        return torch.load(path, weights_only=True)


@pytest.mark.parametrize("optimizer", ["fused_adamw", "adam"])
@pytest.mark.parametrize("form", FORMS)
def test_resumed_equals_uninterrupted(tmp_path, form, optimizer):
    whole = Run(FORMS[form], optimizer)
    expected = whole.train(0, 30)
    before = Run(FORMS[form], optimizer)
    assert before.train(0, 13) == expected[:13]
    after = Run(FORMS[form], optimizer, before.checkpoint(tmp_path / "checkpoint.pt"))
    assert after.train(13, 30) == expected[13:]
    for p, q in zip(after.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(p, q)
    if "fp16" in form:  # the scale doubles and overflows, before and after
        assert all(len({scale for _, scale in part}) > 1 for part in (expected[:13], expected[13:]))


@pytest.mark.parametrize("form", SAVED)
def test_masters_are_beside_what_fairseq_reads(tmp_path, form):
    run = Run(FORMS[form])
    run.train(0, 5)
    checkpoint = run.checkpoint(tmp_path / "checkpoint.pt")
    masters = checkpoint["last_optimizer_state"]["fp32_params"]
    params = list(run.model.parameters())
    assert [m.shape for m in masters] == [p.shape for p in params]
    assert all(m.dtype == torch.float32 for m in masters)
    assert any(not torch.equal(m, p.detach().float()) for m, p in zip(masters, params, strict=True))
    assert all(torch.equal(m.to(p), p) for m, p in zip(masters, params, strict=True))
    # fairseq without this package loads the state, and begins from the rounded weights.
    stock = Run(FORMS[form])
    stock.model.load_state_dict(checkpoint["model"])
    stock.optimizer = FP16Optimizer.build_optimizer(
        config(FORMS[form], "fused_adamw"), list(stock.model.parameters())
    )
    FP16Optimizer.load_state_dict.__wrapped__(
        stock.optimizer, checkpoint["last_optimizer_state"], stock.optimizer.optimizer_config
    )
    assert len(stock.train(5, 8)) == 3


@pytest.mark.parametrize("form", SAVED)
def test_a_checkpoint_of_stock_fairseq_goes_on(tmp_path, form, caplog):
    run = Run(FORMS[form])
    run.train(0, 5)
    checkpoint = run.checkpoint(tmp_path / "checkpoint.pt")
    checkpoint["last_optimizer_state"] = FP16Optimizer.state_dict.__wrapped__(run.optimizer)
    with caplog.at_level(logging.WARNING):
        after = Run(FORMS[form], checkpoint=checkpoint)
    assert not caplog.text
    state = after.optimizer.state_dict()["fp32_params"]
    for master, param in zip(state, run.model.parameters(), strict=True):
        assert torch.equal(master, param.detach().float())


@pytest.mark.parametrize("form", SAVED)
def test_a_changed_model_overrules_the_masters(tmp_path, form, caplog):
    run = Run(FORMS[form])
    run.train(0, 5)
    checkpoint = run.checkpoint(tmp_path / "checkpoint.pt")
    checkpoint["model"]["0.bias"][0] += 0.5
    with caplog.at_level(logging.WARNING):
        after = Run(FORMS[form], checkpoint=checkpoint)
    assert "training continues from the model's weights" in caplog.text
    for master, param in zip(
        after.optimizer.state_dict()["fp32_params"], after.model.parameters(), strict=True
    ):
        assert torch.equal(master, param.detach().float())


def make_trainer(corpus):
    """fairseq's trainer in bf16, as fairseq-train makes it."""
    _, *arguments = map(str, train_command(corpus, "unused", "--bf16"))
    with mock.patch.object(sys, "argv", ["fairseq-train", *arguments]):
        args = options.parse_args_and_arch(options.get_training_parser(), arguments)
    cfg = convert_namespace_to_omegaconf(args)
    cfg.common.tpu = False
    task = tasks.setup_task(cfg.task)
    return Trainer(cfg, task, task.build_model(cfg.model), task.build_criterion(cfg.criterion))


def test_a_new_optimizer_begins_with_the_model(corpus, tmp_path):
    """As with --reset-optimizer, which --finetune-from-model implies."""
    trainer = make_trainer(corpus)
    batches = trainer.get_train_iterator(1).next_epoch_itr()
    trainer.train_step([next(batches)])
    path = tmp_path / "checkpoint.pt"
    trainer.consolidate_optimizer()  # as fairseq does before it saves
    trainer.save_checkpoint(str(path), {"train_iterator": {"epoch": 1, "iterations_in_epoch": 1}})
    saved = torch.load(path, weights_only=True)["last_optimizer_state"]["fp32_params"]
    resumed, anew = make_trainer(corpus), make_trainer(corpus)
    resumed.load_checkpoint(str(path))
    anew.load_checkpoint(str(path), reset_optimizer=True, reset_lr_scheduler=True)
    masters = [each.optimizer.state_dict()["fp32_params"] for each in (resumed, anew)]
    params = [*anew.model.parameters(), *anew.criterion.parameters()]
    for value, kept, new, param in zip(saved, *masters, params, strict=True):
        assert torch.equal(kept, value)
        assert torch.equal(new, param.detach().float())
    assert any(not torch.equal(a, b) for a, b in zip(*masters, strict=True))
