from argparse import Namespace

import pytest
import torch
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_architecture

from cline_fairseq.errors import InputError
from cline_fairseq.models.cline import (
    ClineModel,
    base_architecture,
    large_architecture,
    small_architecture,
    tiny_architecture,
)
from helpers import make_task


@pytest.fixture(scope="module")
def task(corpus):
    return make_task(corpus)


def build(task, **options):
    args = Namespace(encoder_embed_dim=32, max_positions=64, **options)
    tiny_architecture(args)
    torch.manual_seed(0)
    return ClineModel.build_model(args, task).eval()


@pytest.mark.parametrize(
    ("architecture", "size"),
    [
        (tiny_architecture, (2, 128, 512, 2)),
        (small_architecture, (6, 512, 2048, 8)),
        (base_architecture, (12, 768, 3072, 12)),
        (large_architecture, (24, 1024, 4096, 16)),
    ],
)
def test_sizes(architecture, size):
    args = Namespace()
    architecture(args)
    found = (args.encoder_layers, args.encoder_embed_dim, args.encoder_ffn_embed_dim)
    assert (*found, args.encoder_attention_heads) == size
    assert args.dropout == args.attention_dropout == 0.1


@pytest.mark.usefixtures("path")
def test_views_equal_separate_forwards(task):
    """One forward over the three views gives what the parts give one by one."""
    model = build(task)
    tokens = torch.randint(4, 900, (6, 20))
    tokens[:, 0] = 0
    tokens[1, 12:] = 1
    masked = torch.zeros(2, 20, dtype=torch.bool)
    masked[0, [2, 5]] = masked[1, 3] = True
    with torch.no_grad():
        output = model(tokens, masked, views=True)
        logits = model(tokens[:2])[0]
        features = model(tokens, features_only=True)[0]
        torch.testing.assert_close(output.mlm_logits, logits[masked])
        torch.testing.assert_close(output.rtd_logits, model.encoder.rtd_head(features[2:]))
        torch.testing.assert_close(output.sentences, features[:, 0].reshape(3, 2, -1))
    assert output.rtd_logits.shape == (4, 20)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("sentence_vector", ["cls", "mean"])
@pytest.mark.parametrize("rows", [3, 4])
@pytest.mark.parametrize("masked_rows", [1, 3])
@pytest.mark.parametrize("padded", [False, True])
def test_rows_equal_separate_forwards(task, sentence_vector, rows, masked_rows, padded):
    """Also with masks in the views, and with a clean original; gradients too."""
    model = build(task, sentence_vector=sentence_vector, dropout=0.0, attention_dropout=0.0)
    tokens = torch.randint(4, 900, (2 * rows, 20))
    tokens[:, 0] = 0
    if padded:
        for row, length in enumerate((20, 12, 9, 20, 3, 17, 11, 20)[: 2 * rows]):
            tokens[row, length:] = 1
    masked = (torch.rand(2 * masked_rows, 20) < 0.3) & tokens[: 2 * masked_rows].ne(1)
    masked[:, 1] = True

    def gradients(output):
        model.zero_grad()
        sum((part * part.detach().cos()).sum() for part in output).backward()
        return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}

    output = model(tokens, masked, views=True, clean_original=rows == 4)
    found = gradients(output)
    features = model(tokens, features_only=True)[0]
    real = tokens.ne(1)
    vectors = features[:, 0]
    if sentence_vector == "mean":
        vectors = (features * real[:, :, None]).sum(1) / real.sum(1, keepdim=True)
    expected = (
        model.encoder.output_layer(features[: len(masked)][masked]),
        model.encoder.rtd_head(features[2:6]).masked_fill(~real[2:6], 0),
        torch.stack([vectors[6:] if rows == 4 else vectors[:2], vectors[2:4], vectors[4:6]]),
    )
    for a, b in zip(output, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    for name, gradient in gradients(expected).items():
        torch.testing.assert_close(found[name], gradient, atol=1e-4, rtol=1e-3)


@pytest.mark.usefixtures("path")
def test_mean_sentence_vector_leaves_padding_out(task):
    model = build(task, sentence_vector="mean")
    tokens = torch.randint(4, 900, (3, 10))
    tokens[1, 6:] = 1
    with torch.no_grad():
        sentences = model(tokens, torch.zeros(1, 10, dtype=torch.bool), views=True).sentences
        features = model(tokens[1:2, :6], features_only=True)[0]
    torch.testing.assert_close(sentences[1, 0], features[0].mean(0), atol=1e-5, rtol=1e-4)


def test_parameter_names_are_robertas(task):
    cline = build(task)
    args = Namespace(**vars(cline.args))
    roberta_architecture(args)
    roberta = RobertaModel.build_model(args, task)
    ours = {name for name in cline.state_dict() if ".rtd_head." not in name}
    assert ours == set(roberta.state_dict())
    # A checkpoint of RoBERTa loads strictly; the head that it lacks stays as it is.
    head = cline.encoder.rtd_head.dense.weight.clone()
    cline.load_state_dict(roberta.state_dict(), strict=True)
    torch.testing.assert_close(cline.encoder.rtd_head.dense.weight, head)
    tokens = torch.randint(4, 900, (2, 9))
    with torch.no_grad():
        torch.testing.assert_close(cline(tokens)[0], roberta.eval()(tokens)[0])


def test_classification_head(task):
    model = build(task)
    model.register_classification_head("sentiment", num_classes=3)
    logits, _ = model(torch.randint(4, 900, (2, 9)), classification_head_name="sentiment")
    assert logits.shape == (2, 3)


def test_block_longer_than_the_model(task):
    args = Namespace(max_positions=32)
    tiny_architecture(args)
    with pytest.raises(InputError, match=r"blocks of 64 tokens .* model of 32 positions"):
        ClineModel.build_model(args, task)
