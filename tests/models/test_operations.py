"""The one place where the plain path and cpu.py meet."""

import ast
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cline_fairseq import models
from cline_fairseq.models import cpu, operations
from cline_fairseq.models.operations import Dropout, apply_linear
from cline_fairseq.models.unpadding import Unpadding


def imported(path):
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
    return {name for n in nodes for name in (n.module, *(alias.name for alias in n.names))}


def test_nothing_else_imports_cpu():
    folder = Path(models.__file__).parent.parent
    found = [path.name for path in folder.rglob("*.py") if "cpu" in imported(path)]
    assert found == ["operations.py"]


@pytest.mark.usefixtures("path")
def test_linear():
    layers, x = [nn.Linear(6, 4), nn.Linear(6, 3)], torch.randn(2, 5, 6)
    expected = torch.cat([layer(x) for layer in layers], -1)
    torch.testing.assert_close(apply_linear(layers, x), expected)
    torch.testing.assert_close(apply_linear(layers[0], x), expected[..., :4])


@pytest.mark.usefixtures("path")
def test_dropout():
    x, residual, dropout = torch.ones(200, 300), torch.full((200, 300), 2.0), Dropout(0.25)
    out = dropout.train().add(x, residual)
    assert sorted(out.unique().tolist()) == pytest.approx([2, 2 + 1 / 0.75], rel=1e-4)
    assert out.eq(2).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropout.eval().add(x, residual).eq(3).all()
    assert dropout.rate() == 0


def test_plain_dropout_is_that_of_torch(monkeypatch):
    monkeypatch.setattr(cpu, "enabled", False)
    x = torch.randn(20, 30)
    torch.manual_seed(1)
    found = Dropout(0.25).train()(x)
    torch.manual_seed(1)
    assert found.equal(F.dropout(x, 0.25))


@pytest.mark.parametrize("enabled", [True, False])
def test_filler(monkeypatch, enabled):
    monkeypatch.setattr(cpu, "enabled", enabled)
    index = torch.arange(149)
    assert operations.num_filler(index) == (3 if enabled else 0)
    assert operations.fill_up(index).tolist() == [*range(149), *([0, 0, 0] if enabled else [])]
    tokens = torch.full((2, 100), 5)
    tokens[1, 49:] = 1
    assert Unpadding.of(tokens, 1).total == (152 if enabled else 149)
