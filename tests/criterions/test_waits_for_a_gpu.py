"""What makes a step wait for a GPU, counted on a CPU.

A GPU works through a queue, and a step waits for it wherever Python needs a number that is only
known on the device: a size that depends on values, or a value itself.
"""

from argparse import Namespace

import pytest
import torch
from fairseq.logging import metrics
from torch.utils._python_dispatch import TorchDispatchMode

from cline_fairseq.criterions.cline import ClineCriterion, ClineCriterionConfig
from cline_fairseq.models import cpu
from cline_fairseq.models.cline import ClineModel, tiny_architecture
from helpers import make_task

# Operations that wait, whatever their arguments.
WAITING = {
    *("nonzero", "_local_scalar_dense", "masked_select", "is_nonzero", "equal", "allclose"),
    *("_unique2", "unique_consecutive", "unique_dim", "bincount"),
}


class Waits(TorchDispatchMode):
    """Records each operation that would wait for a GPU, and when the encoder begins."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        by_mask = any(i is not None and i.dtype == torch.bool for i in indices)
        if name in WAITING or by_mask:
            self.found.append(name)
        elif name == "embedding":
            self.found.append("encoder")
        return func(*args, **(kwargs or {}))


@pytest.fixture(scope="module")
def task(corpus):
    task = make_task(corpus, sample_break_mode="eos")
    task.load_dataset("valid")
    return task


@pytest.fixture
def waits(monkeypatch):
    """Counts as on a GPU: without cpu.py, and with values that are fetched as lists."""
    monkeypatch.setattr(cpu, "enabled", False)
    waits, tolist = Waits(), torch.Tensor.tolist

    def counted(tensor):
        waits.found.append("tolist")
        return tolist(tensor)

    monkeypatch.setattr(torch.Tensor, "tolist", counted)
    return waits


@pytest.mark.parametrize("negatives", ["antonym", "both"])
@pytest.mark.parametrize("loss_weighting", ["bounded", "fixed"])
def test_a_step_waits_before_the_encoder_alone(task, waits, negatives, loss_weighting):
    args = Namespace(encoder_embed_dim=32, max_positions=64)
    tiny_architecture(args)
    model = ClineModel.build_model(args, task).train()
    options = ClineCriterionConfig(negatives=negatives, loss_weighting=loss_weighting)
    criterion = ClineCriterion(options, task).train()
    dataset = task.datasets["valid"]
    batch = dataset.collater([dataset[i] for i in range(4)])
    assert batch["net_input"]["src_tokens"].eq(1).any()  # there is padding
    with waits:
        loss, _, log = criterion(model, batch)
        loss.backward()
    # The number of tokens, the number of masked tokens, and where the views begin and end.
    assert waits.found[:4] == ["nonzero", "nonzero", "tolist", "encoder"]
    assert set(waits.found[4:]) <= {"encoder"}  # positions are embedded, too

    waits.found.clear()
    with waits, metrics.aggregate(new_root=True):
        ClineCriterion.reduce_metrics([log])
    assert waits.found == ["tolist"]  # all metrics at once
