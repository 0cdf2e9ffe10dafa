import pytest
import torch
import torch.nn.functional as F

from cline_fairseq.criterions import cross_entropy as module
from cline_fairseq.criterions.cross_entropy import cross_entropy


@pytest.mark.parametrize("rows_at_a_time", [1, 3, 100])
@pytest.mark.parametrize("rows", [0, 1, 7, 9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equals_torch(monkeypatch, dtype, rows, rows_at_a_time):
    monkeypatch.setattr(module, "_ELEMENTS", 50 * rows_at_a_time)
    torch.manual_seed(0)
    logits = (torch.randn(rows, 50) * 20).to(dtype).requires_grad_()
    target, weights = torch.randint(0, 50, (rows,)), torch.rand(rows)
    found = cross_entropy(logits, target)
    expected = F.cross_entropy(logits.float(), target, reduction="none")
    torch.testing.assert_close(found, expected)
    a, b = (torch.autograd.grad(x, logits, weights)[0] for x in (found, expected))
    assert a.dtype == dtype
    torch.testing.assert_close(a, b)


def test_keeps_only_the_logits():
    logits = torch.randn(8, 50, requires_grad=True)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: saved.append(x) or x, lambda x: x):
        cross_entropy(logits, torch.zeros(8, dtype=torch.int64))
    assert [x.data_ptr() for x in saved if x.dim() == 2] == [logits.data_ptr()]
