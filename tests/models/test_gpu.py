"""The choice of an attention kernel anywhere; on a GPU, the kernels and the whole model."""

import logging
from argparse import Namespace

import pytest
import torch
from fairseq.data import Dictionary

from cline_fairseq.models import gpu
from cline_fairseq.models.attention import attend
from cline_fairseq.models.cline import ClineModel, tiny_architecture
from cline_fairseq.models.unpadding import Unpadding

HEADS, DIM, PAD = 2, 64, 1
LENGTHS = [[6, 6], [4, 70, 1], [1], [128, 3, 77, 20]]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def batch(lengths):
    tokens = torch.randint(4, 200, (len(lengths), max(lengths)))
    tokens[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = PAD
    return tokens


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_has_no_kernel(dtype, caplog):
    gpu._choose.cache_clear()
    with caplog.at_level(logging.INFO):
        assert all(gpu.variable_length_kernel("cpu", dtype, False) is None for _ in range(2))
    (line,) = caplog.messages
    assert line.endswith(f"{dtype} on cpu: scaled_dot_product_attention, padded")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_kernel_equals_padded_attention(lengths, dtype):
    kernel = gpu.variable_length_kernel("cuda", dtype, False)
    if kernel is None:
        pytest.skip("no kernel for sequences of several lengths is installed")
    torch.manual_seed(0)
    unpadding = Unpadding.of(batch(lengths).cuda(), PAD)
    qkv = torch.randn(unpadding.total, 3, HEADS, DIM, device="cuda").to(dtype).requires_grad_()
    found = kernel(qkv, unpadding.cu_seqlens, unpadding.max_seqlen, 0.0)
    expected = attend(qkv.float(), unpadding, 0.0)
    torch.testing.assert_close(found.float(), expected, atol=2e-2, rtol=2e-2)
    weights = torch.randn_like(expected)
    a, b = (torch.autograd.grad(out.float(), qkv, weights)[0] for out in (found, expected))
    torch.testing.assert_close(a, b, atol=5e-2, rtol=5e-2)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_model_equals_that_on_a_cpu(lengths, dtype):
    task = Namespace(source_dictionary=Dictionary(), cfg=Namespace(tokens_per_sample=128))
    for i in range(200 - len(task.source_dictionary)):
        task.source_dictionary.add_symbol(f"w{i}")
    args = Namespace(encoder_embed_dim=128, max_positions=128)
    tiny_architecture(args)
    torch.manual_seed(0)
    model, tokens = ClineModel.build_model(args, task).eval(), batch(lengths)
    with torch.no_grad():
        expected = model(tokens, features_only=True)[0]
        found = model.to("cuda", dtype)(tokens.cuda(), features_only=True)[0].float().cpu()
    tolerance = 1e-4 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(found, expected, atol=tolerance, rtol=tolerance)
    model.train()(tokens.cuda(), features_only=True)[0].float().sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
