"""The benchmark of training, on a small model."""

import json

import pytest

from helpers import TOKENIZER
from programs import run


def command(corpus, *options):
    return [
        *("scripts/benchmark.py", "train", "--data", corpus / "bin", "--split", "valid", "--json"),
        *("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER),
        *("--blocks", 32, "--max-tokens", 256, "--steps", 2, "--threads", 1, *options),
    ]


def test_figures(corpus):
    figures = json.loads(
        run(*command(corpus, "--sizes", "1x32", "--attention-dropout", 0.1)).stdout
    )
    for mode in ("none", "eos"):
        case = f"1x32, 32 tokens, {mode}, attention dropout 0.1"
        for kind in ("stock", "encoder", "encoder, all tokens", "cline"):
            assert figures[f"{case}: {kind}, MB"] > 0
            assert figures[f"{case}, threads 1: {kind}, tokens/s"] > 0
            if kind != "stock":
                assert figures[f"{case}, threads 1: {kind} / stock"] > 0
        for kind in ("stock", "cline"):
            assert 0 <= figures[f"{case}: {kind}, padding"] < 1
        for kind in ("stock", "encoder, all tokens", "cline"):
            assert 0 < figures[f"{case}, threads 1: {kind}, share of the peak"] < 1
        assert figures[f"{case}, threads 1: cline, loader / step"] > 0
    assert len(figures) == 2 * 17


def test_precisions_side_by_side(corpus):
    options = ("--sizes", "1x32", "--attention-dropout", 0.1, "--break-modes", "none")
    result = run(*command(corpus, *options, "--precision", "fp32", "bf16"))
    case = "1x32, 32 tokens, none, attention dropout 0.1"
    figures = json.loads(result.stdout)
    # Half the bytes, but for what stays in fp32.
    assert figures[f"{case}: cline, bf16, MB"] < 0.8 * figures[f"{case}: cline, MB"]
    for name in ("cline, bf16 / cline", "cline, bf16 / stock", "stock, bf16 / stock"):
        assert figures[f"{case}, threads 1: {name}"] > 0
    for kind in ("stock", "stock, bf16", "cline", "cline, bf16", "cline, bf16, torch's kernels"):
        assert 0 < figures[f"{case}, threads 1: {kind}, share of the peak"] < 1


def test_bf16_against_a_given_peak(corpus):
    options = ("--sizes", "1x32", "--attention-dropout", 0, "--break-modes", "none")
    result = run(*command(corpus, *options, "--precision", "bf16", "--peak-tflops", 1))
    case = "1x32, 32 tokens, none, attention dropout 0, threads 1: "
    figures = json.loads(result.stdout)
    for kind in ("stock", "encoder, all tokens"):  # of one and the same number of operations
        speed = figures[f"{case}{kind}, tokens/s"]
        assert 0 < figures[f"{case}{kind}, share of the peak"] < speed * 1e-6


def test_bad_device(corpus):
    result = run(*command(corpus, "--device", "cuda:7"), check=False)
    assert result.stderr.splitlines()[-1].startswith("error: --device cuda:7 cannot be used here")


@pytest.mark.parametrize("size", ["base", "0x32", "4"])
def test_bad_size(corpus, size):
    result = run(*command(corpus, "--sizes", size), check=False)
    assert f"expected layers x width (for example 4x256), not '{size}'" in result.stderr
