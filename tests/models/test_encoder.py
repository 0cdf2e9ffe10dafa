"""The encoder against fairseq's own RoBERTa, which has the same parameters."""

import functools
import os
from argparse import Namespace

import pytest
import torch
from fairseq.data import Dictionary
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_architecture
from hypothesis import given, settings
from hypothesis import strategies as st

from cline_fairseq.errors import InputError
from cline_fairseq.models.cline import ClineModel, tiny_architecture

PAD, TYPES = 1, 200
NO_DROPOUT = {"dropout": 0.0, "attention_dropout": 0.0}
LENGTHS = {
    "full": [11, 11, 11],
    "padded": [7, 13, 1, 2],
    "one row": [5],
    "one token": [1],
    "one token each": [1, 1],
    "one long row": [1, 29],
    "filled up": [29, 20, 25, 29, 18, 28],
}
VARIANTS = {
    "post": {},
    "pre": {"encoder_normalize_before": True, "layernorm_embedding": False},
    "both": {"encoder_normalize_before": True},
    "relu": {"activation_fn": "relu", "untie_weights_roberta": True},
}


class Task:
    """As much of a task as models ask for."""

    cfg = Namespace(tokens_per_sample=32)

    def __init__(self):
        self.source_dictionary = Dictionary()
        for i in range(TYPES - len(self.source_dictionary)):
            self.source_dictionary.add_symbol(f"w{i}")


def options(**changes):
    args = Namespace(encoder_embed_dim=32, encoder_ffn_embed_dim=48, max_positions=32)
    vars(args).update(changes)
    tiny_architecture(args)
    return args


def build(**changes):
    torch.manual_seed(1)
    return ClineModel.build_model(options(**changes), Task())


def build_pair(**changes):
    """Our model and fairseq's, with the same weights, none of which is what it begins as."""
    ours = build(**changes)
    args = options(**changes)
    roberta_architecture(args)
    stock = RobertaModel.build_model(args, Task())
    with torch.no_grad():
        for parameter in ours.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    state = ours.state_dict()
    stock.load_state_dict({k: v for k, v in state.items() if ".rtd_head." not in k}, strict=True)
    return ours, stock


def batch(lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(4, TYPES, (len(lengths), max(lengths)), generator=generator)
    tokens[:, 0] = 0
    tokens[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = PAD
    return tokens


def assert_equal(ours, stock, tokens):
    real = tokens.ne(PAD)
    torch.testing.assert_close(ours[real], stock[real], atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_equals_stock(variant, lengths):
    ours, stock = (model.eval() for model in build_pair(**variant))
    tokens = batch(lengths)
    masked = tokens.gt(100)
    with torch.no_grad():
        assert_equal(ours(tokens)[0], stock(tokens)[0], tokens)
        (x, extra), (y, stock_extra) = (
            model(tokens, features_only=True, return_all_hiddens=True) for model in (ours, stock)
        )
        assert_equal(x, y, tokens)
        assert len(extra["inner_states"]) == len(stock_extra["inner_states"]) == 3
        for a, b in zip(extra["inner_states"], stock_extra["inner_states"], strict=True):
            assert_equal(a.transpose(0, 1), b.transpose(0, 1), tokens)
        torch.testing.assert_close(
            ours(tokens, masked_tokens=masked)[0],
            stock(tokens, masked_tokens=masked)[0],
            atol=1e-5,
            rtol=1e-5,
        )


any_pair = functools.cache(build_pair)


@given(st.lists(st.integers(1, 32), min_size=1, max_size=7), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_equals_stock_for_any_lengths(lengths, seed):
    ours, stock = (model.eval() for model in any_pair())
    tokens = batch(lengths, seed)
    with torch.no_grad():
        assert_equal(ours(tokens)[0], stock(tokens)[0], tokens)


def gradients(model, tokens, loss):
    model.zero_grad()
    loss(model, tokens).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def assert_gradients_close(name, found, expected):
    """Up to 1e-5 of the greatest one: they are sums of many."""
    if expected is None:
        assert found is None, name
    else:
        tolerance = 1e-5 * max(1, expected.abs().max().item())
        assert (found - expected).abs().max() <= tolerance, name


def loss_of_all(model, tokens):
    logits = model(tokens)[0].float()
    return (logits * torch.linspace(-1, 1, logits.shape[-1]))[tokens.ne(PAD)].tanh().sum()


def loss_of_masked(model, tokens):
    logits = model(tokens, masked_tokens=tokens.gt(100))[0].float()
    return (logits * torch.linspace(-1, 1, logits.shape[-1])).tanh().sum()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("loss", [loss_of_all, loss_of_masked])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_gradients_equal_stock(variant, lengths, loss):
    ours, stock = (model.train() for model in build_pair(**NO_DROPOUT, **variant))
    tokens = batch(lengths)
    found, expected = (gradients(model, tokens, loss) for model in (ours, stock))
    for name, gradient in expected.items():
        assert_gradients_close(name, found[name], gradient)
    assert {name for name in found if ".rtd_head." not in name} == set(expected)


def test_stock_checkpoint_loads_strictly():
    """The other direction is how :func:`build_pair` makes its pair."""
    ours, stock = build_pair()
    with torch.no_grad():
        for parameter in stock.parameters():
            parameter.normal_()
    state = stock.state_dict()
    ours.load_state_dict(state, strict=True)
    for name, value in ours.state_dict().items():
        assert ".rtd_head." in name or value.equal(state[name]), name


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lengths", [LENGTHS["full"], LENGTHS["padded"]])
def test_bf16_is_near_fp32(lengths):
    model = build(**NO_DROPOUT)
    tokens = batch(lengths)
    expected = gradients(model, tokens, loss_of_masked)
    features = model(tokens, features_only=True)[0]
    model.bfloat16()
    torch.testing.assert_close(
        model(tokens, features_only=True)[0].float(), features, atol=0.1, rtol=0.05
    )
    for name, gradient in gradients(model, tokens, loss_of_masked).items():
        if gradient is not None:
            distance = (gradient.float() - expected[name]).norm()
            assert distance <= 0.1 * expected[name].norm() + 1e-3, name


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("lengths", [LENGTHS["full"], LENGTHS["padded"]])
def test_trains_in_half_precision_with_dropout(lengths, dtype):
    model = build(activation_dropout=0.1).to(dtype).train()
    found = gradients(model, batch(lengths), loss_of_masked)
    for name, gradient in found.items():
        assert gradient is None or gradient.isfinite().all(), name
        assert gradient is None or gradient.dtype == dtype
    with torch.autocast("cpu", torch.bfloat16):
        model.float()(batch(lengths))[0].sum().backward()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("lengths", [LENGTHS["full"], LENGTHS["padded"]])
def test_checkpointed_activations_change_nothing(lengths, dropout):
    rates = {"dropout": dropout, "attention_dropout": dropout, "activation_dropout": dropout}
    found = []
    for checkpointed in (False, True):
        model = build(**rates, checkpoint_activations=checkpointed).train()
        torch.manual_seed(3)
        found.append(gradients(model, batch(lengths), loss_of_masked))
    for name, gradient in found[0].items():
        assert_gradients_close(name, found[1][name], gradient)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lengths", [LENGTHS["full"], LENGTHS["padded"]])
def test_same_seed_same_result(lengths):
    model = build(activation_dropout=0.1).train()
    found = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        found.append(gradients(model, batch(lengths), loss_of_masked))
    for name, gradient in found[0].items():
        assert gradient is None or found[1][name].equal(gradient), name
    embedding = "encoder.sentence_encoder.embed_tokens.weight"
    assert not found[2][embedding].equal(found[0][embedding])


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("lengths", [LENGTHS["full"], LENGTHS["padded"]])
def test_layerdrop(lengths):
    model = build(encoder_layerdrop=0.999, **NO_DROPOUT).train()
    tokens = batch(lengths)
    masked = tokens.gt(100)
    with torch.no_grad():
        logits = model(tokens)[0]
        torch.testing.assert_close(model(tokens, masked_tokens=masked)[0], logits[masked])


def test_padding_has_no_features():
    tokens = batch(LENGTHS["padded"])
    features = build().eval()(tokens, features_only=True)[0]
    assert features.ne(0).any(2).equal(tokens.ne(PAD))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_row_of_padding_is_no_nan(dropout):
    model = build(attention_dropout=dropout).train()
    tokens = batch(LENGTHS["padded"])
    tokens[1] = PAD
    features = model(tokens, features_only=True)[0]
    assert features.isfinite().all()
    features.sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


@pytest.mark.usefixtures("path")
def test_padding_on_the_left():
    ours, stock = (model.eval() for model in build_pair())
    tokens = batch(LENGTHS["padded"])
    tokens[0] = tokens[0].roll(3)
    with torch.no_grad():
        assert_equal(ours(tokens)[0], stock(tokens)[0], tokens)


def test_token_embeddings():
    ours, stock = (model.eval() for model in build_pair())
    tokens = batch(LENGTHS["padded"])
    embeddings = torch.randn(*tokens.shape, 32)
    with torch.no_grad():
        found, expected = (
            m.encoder.extract_features(tokens, token_embeddings=embeddings)[0]
            for m in (ours, stock)
        )
    assert_equal(found, expected, tokens)


def test_quantization_noise_is_refused():
    with pytest.raises(InputError, match=r"--quant-noise-pq .* leave them at 0"):
        build(quant_noise_pq=0.1)


@pytest.mark.parametrize("chosen", [None, "64"])
def test_bounds_the_cache_of_onednn(monkeypatch, chosen):
    """When a model is built, and where the user has not."""
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, chosen or "")
    if chosen is None:
        monkeypatch.delenv(name)
    build()
    assert os.environ[name] == (chosen or "32")


@pytest.mark.slow
@pytest.mark.parametrize("variant", [{}, {"checkpoint_activations": True}], ids=["", "checkpoint"])
def test_compiled(variant):
    plain, compiled = (build(**NO_DROPOUT, **variant, compile=c) for c in (False, True))
    assert list(compiled.state_dict()) == list(plain.state_dict())
    compiled.load_state_dict(plain.state_dict(), strict=True)
    for lengths in (*LENGTHS.values(), [9, 4], [5, 6, 7, 8]):
        tokens = batch(lengths)
        expected, found = (gradients(m.train(), tokens, loss_of_masked) for m in (plain, compiled))
        for name, gradient in expected.items():
            assert_gradients_close(name, found[name], gradient)
        with torch.no_grad():
            a, b = (m.eval()(tokens)[0] for m in (plain, compiled))
        assert_equal(a, b, tokens)
    assert not torch._dynamo.utils.counters["graph_break"]
    assert list(compiled.state_dict()) == list(plain.state_dict())


@pytest.mark.slow
def test_compiled_with_dropout():
    model = build(compile=True, dropout=0.5, attention_dropout=0.5).train()
    tokens = batch(LENGTHS["padded"])
    a, b = (model(tokens, features_only=True)[0] for _ in range(2))
    assert not a.equal(b)
    assert a.isfinite().all()
