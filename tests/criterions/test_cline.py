"""The criterion on a real model and real batches."""

import math
import multiprocessing
from itertools import chain

import pytest
import torch
from fairseq.logging import metrics
from sklearn.metrics import f1_score

import in_workers
from cline_fairseq.criterions.cline import LOSSES, ClineCriterion, ClineCriterionConfig
from cline_fairseq.criterions.contrast import contrastive_loss, contrastive_scores
from cline_fairseq.errors import InputError
from cline_fairseq.models.cline import ClineModel, tiny_architecture
from helpers import make_task


@pytest.fixture(scope="module")
def task(corpus):
    task = make_task(corpus, sample_break_mode="eos")
    task.load_dataset("valid")
    return task


@pytest.fixture(scope="module")
def model(task):
    from argparse import Namespace

    torch.manual_seed(0)
    args = Namespace(encoder_embed_dim=32, max_positions=64, dropout=0.0, attention_dropout=0.0)
    tiny_architecture(args)
    return ClineModel.build_model(args, task).eval()


def make_batch(task, indices):
    dataset = task.datasets["valid"]
    return dataset.collater([dataset[i] for i in indices])


def criterion(task, **options):
    return ClineCriterion(ClineCriterionConfig(**options), task)


def without_masks(batch):
    return {**batch, "mlm_target": torch.full_like(batch["mlm_target"], 1)}


def without_replacements(batch):
    target = batch["rtd_target"].clamp(max=0)
    none = torch.zeros_like(batch["has_contrast"])
    return {**batch, "rtd_target": target, "has_contrast": none}


def reference(model, batch, scales, weights, penalty):
    """The loss of a batch, text by text and token by token."""
    tokens = batch["net_input"]["src_tokens"]
    texts = batch["nsentences"]
    features, _ = model(tokens, features_only=True)
    lm = model.encoder.lm_head(features).double().log_softmax(-1)
    rtd = torch.sigmoid(model.encoder.rtd_head(features).double())
    total, sums = 0.0, dict.fromkeys((*LOSSES, "views_mlm"), 0.0)
    for i in range(texts):
        mlm = []
        for row in range(i, len(batch["mlm_target"]), texts):
            target = enumerate(batch["mlm_target"][row].tolist())
            mlm.append([-lm[row, j, t].item() for j, t in target if t != 1])
        detected = []
        for view in (i, texts + i):
            for j, label in enumerate(batch["rtd_target"][view].tolist()):
                if label >= 0:
                    p = rtd[texts + view, j].item()
                    detected.append(-math.log(p if label else 1 - p))
        rows = tokens.unflatten(0, (-1, texts))
        h, s, a = (features[k * texts + i, 0].double() for k in (3 if len(rows) > 3 else 0, 1, 2))
        cts = [math.log(1 + math.exp((h @ a - h @ s).item()))] if batch["has_contrast"][i] else []
        for name, losses in zip(LOSSES, (list(chain(*mlm)), detected, cts), strict=True):
            if losses:
                mean = sum(losses) / len(losses)
                total += weights[name] * (math.exp(-scales[name]) * mean + penalty(scales[name]))
                sums[name] += sum(mlm[0]) if name == "mlm" else sum(losses)
        sums["views_mlm"] += sum(chain(*mlm[1:]))
    return total, sums


PENALTIES = {"bounded": lambda s: max(s, 0), "kendall": lambda s: s / 2}
PENALTIES["learned"] = PENALTIES["kendall"]


@pytest.mark.parametrize("rows", [(), ("mask_views",), ("clean_original", "mask_views")])
@pytest.mark.parametrize("weighting", PENALTIES)
@pytest.mark.parametrize("change", [dict, without_masks, without_replacements])
def test_loss_equals_a_plain_loop(task, model, monkeypatch, change, weighting, rows):
    for option in rows:
        monkeypatch.setattr(task.datasets["valid"], option, True)
    batch = change(make_batch(task, [0, 3, 5, 8]))
    assert len(batch["net_input"]["src_tokens"]) == (16 if "clean_original" in rows else 12)
    crit = criterion(task, mlm_weight=0.5, loss_weighting=weighting)
    scales = {"mlm": 0.3, "rtd": -0.2, "cts": 0.1}
    for name, value in scales.items():
        crit.log_variance[name].data.fill_(value)
    with torch.no_grad():
        loss, sample_size, log = crit(model, batch)
        weights = {"mlm": 0.5, "rtd": 1, "cts": 1}
        expected, sums = reference(model, batch, scales, weights, PENALTIES[weighting])
    assert sample_size == 4
    assert loss.item() == pytest.approx(expected, rel=1e-4)
    assert bool(sums["views_mlm"]) == (change is not without_masks and "mask_views" in rows)
    for name in sums:
        assert log[f"{name}_loss"].item() == pytest.approx(sums[name], rel=1e-4, abs=1e-6)


def test_loss_of_a_batch_is_the_sum_of_its_texts(task, model):
    crit = criterion(task)
    indices = [1, 4, 9, 20, 31]
    with torch.no_grad():
        together = crit(model, make_batch(task, indices))[0]
        alone = sum(crit(model, make_batch(task, [i]))[0] for i in indices)
    assert together.item() == pytest.approx(alone.item(), rel=1e-5)


def test_bf16_is_near_fp32(task, model):
    import copy

    crit = criterion(task)
    batch = make_batch(task, range(8))
    with torch.no_grad():
        exact = crit(model, batch)[0]
        loss = crit(copy.deepcopy(model).bfloat16(), batch)[0]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.02)


@pytest.mark.parametrize("negatives", ["in_batch", "both"])
def test_texts_without_replacements_among_in_batch_negatives(task, model, negatives):
    """They are not told apart from others, but others are from them."""
    batch = make_batch(task, [0, 3, 5])
    options = {"loss_weighting": "fixed", "mlm_weight": 0, "rtd_weight": 0}
    crit = criterion(task, **options, negatives=negatives)
    none = without_replacements(batch)
    rtd_target = torch.where(torch.arange(6)[:, None] % 3 == 1, -1, batch["rtd_target"])
    has_contrast = torch.tensor([True, False, True])
    some = {**batch, "rtd_target": rtd_target, "has_contrast": has_contrast}
    with torch.no_grad():
        sentences = model(
            **batch["net_input"], masked_tokens=batch["mlm_target"].ne(1), views=True
        ).sentences
        losses = contrastive_loss(contrastive_scores(sentences, has_contrast, negatives))
        loss, _, log = crit(model, some)
        assert loss.item() == pytest.approx((losses[0] + losses[2]).item(), rel=1e-4)
        assert log["cts_count"] == 2
        assert crit(model, none)[2]["cts_count"] == 0
        # A text alone has only its antonym view to be told apart from.
        count = crit(model, make_batch(task, [0]))[2]["cts_count"]
        assert count == (negatives == "both")


def test_weights_above_1_are_reported(task, caplog):
    """A run that goes on with another weighting than that of its checkpoint says so."""
    learned = criterion(task, loss_weighting="learned")
    bounded = criterion(task)
    bounded.log_variance["cts"].data.fill_(-1e-3)  # overshoot
    bounded.load_state_dict(bounded.state_dict())
    learned.log_variance["cts"].data.fill_(-3)
    learned.load_state_dict(learned.state_dict())
    assert caplog.text == ""
    bounded.load_state_dict(learned.state_dict())
    assert "trained with --loss-weighting kendall: this run brings them down" in caplog.text
    assert bounded.log_variance["cts"] == -3


@pytest.mark.parametrize("negatives", ["in_batch", "both"])
def test_two_workers_with_in_batch_negatives_update_as_one(task, model, tmp_path, negatives):
    """Two gloo workers with different numbers of texts; then the second has a dummy batch."""
    crit = criterion(task, negatives=negatives, contrastive_weight=2)
    crit.task = None  # which workers do not need
    batches = [make_batch(task, indices) for indices in ([0, 3, 5], [8, 9])]
    dummy = {**batches[1], "is_dummy": True}
    steps = [(batches[0], batches[0]), (batches[1], dummy)]
    for rank, of_worker in enumerate(steps):
        torch.save((model, crit, of_worker), tmp_path / f"{rank}.pt")
    context = multiprocessing.get_context("forkserver")
    workers = [context.Process(target=in_workers.update, args=(i, tmp_path)) for i in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    found = [torch.load(tmp_path / f"{rank}.out") for rank in range(2)]
    for step, indices in enumerate(([0, 3, 5, 8, 9], [0, 3, 5])):
        for module in (model, crit):
            module.zero_grad()
        batch = make_batch(task, indices)
        loss, size, log = crit(model, batch)
        loss.backward()
        logged = [logs[step][0] for logs in found]
        assert sum(log["cts_count"] for log in logged if log) == log["cts_count"] > 2
        for name in ("loss", "cts_loss", "cts_right"):
            assert float(sum(log[name] for log in logged if log)) == pytest.approx(
                log[name].item(), rel=1e-4
            )
        gradients = {n: p.grad / size for m in (model, crit) for n, p in m.named_parameters()}
        for _, of_worker in (logs[step] for logs in found):
            assert of_worker.keys() == gradients.keys()
            for name, gradient in gradients.items():
                torch.testing.assert_close(of_worker[name], gradient, atol=2e-5, rtol=1e-3)


def gradients(crit, model, batch):
    for module in (model, crit):
        module.zero_grad(set_to_none=True)
    crit(model, batch)[0].backward()
    return {name: p.grad for module in (model, crit) for name, p in module.named_parameters()}


@pytest.mark.parametrize("change", [dict, without_masks, without_replacements])
def test_every_parameter_has_a_gradient(task, model, change):
    batch = change(make_batch(task, [2, 6]))
    crit = criterion(task)
    found = gradients(crit, model, batch)
    assert len(found) > 20
    assert all(gradient is not None for gradient in found.values())


def test_every_parameter_has_a_gradient_with_losses_off(task, model):
    crit = criterion(task, loss_weighting="fixed", mlm_weight=0, contrastive_weight=0)
    found = gradients(crit, model, make_batch(task, [2, 6]))
    assert all(gradient is not None for gradient in found.values())
    assert not found["encoder.lm_head.dense.weight"].any()
    assert found["encoder.rtd_head.dense.weight"].any()


def test_a_loss_that_is_off_changes_nothing(task, model):
    batch = make_batch(task, [2, 6])
    with torch.no_grad():
        both = criterion(task, loss_weighting="fixed", contrastive_weight=0)(model, batch)[0]
        mlm = criterion(task, loss_weighting="fixed", rtd_weight=0, contrastive_weight=0)
        rtd = criterion(task, loss_weighting="fixed", mlm_weight=0, contrastive_weight=0)
        parts = mlm(model, batch)[0] + rtd(model, batch)[0]
    assert both.item() == pytest.approx(parts.item(), rel=1e-6)


def test_metrics(task, model):
    """Metrics over two workers' batches against scikit-learn and plain sums."""
    crit = criterion(task)
    batches = [make_batch(task, [0, 1, 2]), make_batch(task, [10, 11])]
    with torch.no_grad():
        # A head at its start finds nothing: shift it, so that F1 is not 0.
        model.encoder.rtd_head.out_proj.bias.fill_(0.05)
        logs = [crit(model, batch)[2] for batch in batches]
        outputs = [
            model(b["net_input"]["src_tokens"], b["mlm_target"].ne(1), views=True) for b in batches
        ]
        model.encoder.rtd_head.out_proj.bias.zero_()
    with metrics.aggregate() as aggregate:
        ClineCriterion.reduce_metrics(logs)
    found = aggregate.get_smoothed_values()

    real = [b["rtd_target"].ge(0) for b in batches]
    gold = torch.cat([b["rtd_target"][r] for b, r in zip(batches, real, strict=True)])
    guess = torch.cat([o.rtd_logits[r] > 0 for o, r in zip(outputs, real, strict=True)]).long()
    assert 0 < found["rtd_f1"] == pytest.approx(f1_score(gold, guess), abs=1e-4)
    assert found["rtd_acc"] == pytest.approx((gold == guess).float().mean().item(), abs=1e-4)
    bits = sum(log["mlm_loss"] for log in logs) / sum(log["mlm_count"] for log in logs)
    assert found["mlm_loss"] == pytest.approx(bits.item() / math.log(2), abs=1e-3)
    assert found["ppl"] == pytest.approx(2 ** found["mlm_loss"], rel=1e-2)
    right = [(o.sentences[0] * (o.sentences[1] - o.sentences[2])).sum(-1) > 0 for o in outputs]
    contrast = torch.cat([b["has_contrast"] for b in batches])
    assert found["cts_acc"] == pytest.approx(
        torch.cat(right)[contrast].float().mean().item(), abs=1e-4
    )
    assert found["no_contrast"] == pytest.approx(1 - contrast.float().mean().item(), abs=1e-4)
    synonym = torch.cat([b["rtd_target"].chunk(2)[0].flatten() for b in batches])
    share = (synonym == 1).sum() / (synonym >= 0).sum()
    assert found["synonym_share"] == pytest.approx(share.item(), abs=1e-4)
    lengths = [b["net_input"]["src_lengths"].chunk(3)[1:] for b in batches]
    counts = [b["rtd_target"].eq(1).sum(1).chunk(2) for b in batches]
    for name, pairs in (("edits_acc", counts), ("length_acc", lengths)):
        synonym, antonym = (torch.cat(part)[contrast] for part in zip(*pairs, strict=True))
        right = (synonym > antonym).float() + 0.5 * (synonym == antonym)
        assert found[name] == pytest.approx(right.mean().item(), abs=1e-4)
    assert 0.5 < found["edits_acc"] < 1  # more synonyms than antonyms, in most texts
    assert found["mlm_scale"] == 1
    kinds = ("synonym", "hypernym")
    by_kind = sum(found[f"synonym_view_{kind}"] for kind in kinds)
    assert by_kind == pytest.approx(share.item(), abs=3e-4)
    assert found["antonym_view_antonym"] > 0


def test_validation_has_fixed_weights(task, model):
    """However the scalars were learned; they are logged beside."""
    weights = {"mlm_weight": 0.5, "contrastive_weight": 2}
    batch = make_batch(task, [0, 3, 5, 8])
    learned = criterion(task, **weights)
    for parameter in learned.parameters():
        parameter.data.fill_(-1.0)
    with torch.no_grad():
        fixed = criterion(task, **weights, loss_weighting="fixed")(model, batch)[0]
        optimized = learned(model, batch)[0]
        loss, _, log = learned.eval()(model, batch)
    assert loss == log["loss"] == fixed
    assert optimized != fixed
    assert log["mlm_scale"].item() == pytest.approx(4 * 0.5 * math.e)


def logged(*batches_of_logs):
    """What fairseq logs at the end of a validation."""
    with metrics.aggregate() as aggregate:
        for logs in batches_of_logs:
            ClineCriterion.reduce_metrics(logs)
    return aggregate.get_smoothed_values()


def test_shares_are_of_all_tokens(corpus, model):
    """Also where RTD has targets at content words only."""
    found = []
    for content in (False, True):
        task = make_task(corpus, sample_break_mode="eos", rtd_content_words=content)
        task.load_dataset("valid")
        with torch.no_grad():
            found.append(logged([criterion(task)(model, make_batch(task, range(8)))[2]]))
    for name in ("synonym_share", "antonym_share", "synonym_view_synonym", "antonym_view_antonym"):
        assert found[0][name] == found[1][name] > 0
    assert found[0]["rtd_loss"] != found[1]["rtd_loss"]


def test_all_metrics_are_logged_where_there_is_nothing_to_measure(task, model):
    crit = criterion(task).eval()
    full = make_batch(task, range(8))
    empty = without_masks(without_replacements(make_batch(task, [10, 11])))
    with torch.no_grad():
        full, empty = (crit(model, batch)[2] for batch in (full, empty))
    alone = logged([empty])
    assert set(alone) == set(logged([full]))
    assert alone["mlm_loss"] == alone["cts_loss"] == alone["cts_acc"] == alone["rtd_f1"] == 0
    assert alone["no_contrast"] == 1
    # Nothing counts as nothing, in any order and however batches fall to workers.
    both = logged([full], [empty])
    for name in ("mlm_loss", "cts_loss", "cts_acc"):
        assert both[name] == logged([full])[name] > 0
    assert both["loss"] == pytest.approx(
        (full["loss"] + empty["loss"]).item() / math.log(2) / 10, abs=1e-3
    )
    assert both == logged([empty], [full]) == logged([full, empty])


@pytest.mark.parametrize(
    ("name", "maximize", "message"),
    [
        ("accuracy", True, "accuracy is not a metric of --criterion cline: .* cts_acc, "),
        ("cts_acc", False, "add --maximize-best-checkpoint-metric"),
        ("mlm_loss", True, "a lower mlm_loss is better: leave it out"),
    ],
)
def test_best_checkpoint_metric(task, name, maximize, message):
    cfg = ClineCriterionConfig(best_checkpoint_metric=name)
    cfg.maximize_best_checkpoint_metric = maximize
    with pytest.raises(InputError, match=message):
        ClineCriterion.build_criterion(cfg, task)
    cfg.maximize_best_checkpoint_metric = not maximize
    if name != "accuracy":
        ClineCriterion.build_criterion(cfg, task)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mlm_weight": -1}, "must be 0 or more"),
        ({"mlm_weight": 0, "rtd_weight": 0, "contrastive_weight": 0}, "one of them more than 0"),
        ({"temperature": 0}, "--temperature must be more than 0, not 0"),
    ],
)
def test_bad_options(task, options, message):
    with pytest.raises(InputError, match=message):
        criterion(task, **options)
