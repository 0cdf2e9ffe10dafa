"""What the objective can do without, by options alone: each starts, and leaves out what it says."""

from argparse import Namespace

import pytest
import torch

from cline_fairseq.criterions.cline import ClineCriterion, ClineCriterionConfig
from cline_fairseq.models.cline import ClineModel, tiny_architecture
from helpers import make_task

FIXED = {"loss_weighting": "fixed"}
LM, RTD = "encoder.lm_head.dense.weight", "encoder.rtd_head.dense.weight"


@pytest.fixture(scope="module")
def step(corpus):
    """Run one forward and backward pass on a tiny batch: gradients by name, log, and batch."""

    def run(task_options=None, **criterion_options):
        task = make_task(corpus, sample_break_mode="eos", **(task_options or {}))
        task.load_dataset("valid")
        dataset = task.datasets["valid"]
        batch = dataset.collater([dataset[i] for i in (0, 3, 5)])
        args = Namespace(encoder_layers=1, encoder_embed_dim=32, max_positions=64, dropout=0.0)
        tiny_architecture(args)
        torch.manual_seed(0)
        model = ClineModel.build_model(args, task)
        criterion = ClineCriterion(ClineCriterionConfig(**criterion_options), task)
        loss, _, log = criterion(model, batch)
        loss.backward()
        return {name: p.grad for name, p in model.named_parameters()}, log, batch

    return run


@pytest.mark.parametrize(("loss", "head", "other"), [("mlm", LM, RTD), ("rtd", RTD, LM)])
def test_without_masked_lm_or_rtd(step, loss, head, other):
    gradients, _, _ = step(**{f"{loss}_weight": 0})
    assert not gradients[head].any()
    assert gradients[other].any()
    # Workers wait for the gradient of each parameter.
    assert all(gradient is not None for gradient in gradients.values())


def test_without_contrast(step):
    with_it, _, _ = step(**FIXED)
    without, log, _ = step(**FIXED, contrastive_weight=0)
    assert log["cts_scale"] == 0
    name = "encoder.sentence_encoder.layers.0.fc1.weight"
    assert not torch.allclose(with_it[name], without[name])


@pytest.mark.parametrize("negatives", ["in_batch", "both"])
def test_without_hard_negatives_alone(step, negatives):
    hard = step(**FIXED)[1]
    log = step(**FIXED, negatives=negatives)[1]
    assert log["cts_loss"] != hard["cts_loss"]
    assert log["cts_count"] == 3


def test_without_antonyms(step):
    _, log, batch = step({"antonym_kinds": "random=1"})
    kinds = {k: n for k, n in batch["replaced_tokens"].items() if k.startswith("antonym_view")}
    assert list(kinds) == ["antonym_view_random"]
    assert kinds["antonym_view_random"] == log["antonym_replaced"] > 0


@pytest.mark.parametrize("mask_views", [False, True])
def test_clean_original(step, mask_views):
    options = {"mask_views": mask_views}
    _, masked, _ = step(options, **FIXED)
    _, log, batch = step({**options, "clean_original": True}, **FIXED)
    assert len(batch["net_input"]["src_tokens"]) == 12
    # It stands for the text in the contrastive loss, and changes nothing else.
    assert log["cts_loss"] != masked["cts_loss"]
    for name in ("mlm_loss", "views_mlm_loss", "rtd_loss"):
        torch.testing.assert_close(log[name], masked[name], atol=1e-3, rtol=1e-4)
    assert (log["views_mlm_count"] > 0) == mask_views
