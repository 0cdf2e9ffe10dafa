"""Hits and embeddings on the command line, with tiny models."""

import importlib
import json
import logging
import sys

import pytest

from helpers import SENTENCE, TOKENIZER
from programs import run
from tiny_models import save_encoder


@pytest.fixture(scope="module")
def options(corpus, gpt2_corpus, tmp_path_factory):
    """Two models, which record tokenizers and dictionaries of their own."""
    folder = tmp_path_factory.mktemp("models")
    pieces = ("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER)
    cline = save_encoder(folder / "cline.pt", corpus / "bin", "cline", "cline_base", *pieces)
    data, files = gpt2_corpus
    gpt2 = ["--bpe", "gpt2"]
    for name in ("gpt2_encoder_json", "gpt2_vocab_bpe"):
        gpt2 += [f"--{name.replace('_', '-')}", files[name]]
    mlm = save_encoder(folder / "mlm.pt", data, "masked_lm", "roberta_base", *gpt2)
    return ("--checkpoint", f"CLINE={cline}", "--checkpoint", f"MLM={mlm}")


@pytest.fixture(scope="module")
def hits(options, tmp_path_factory, texts):
    """What evaluate_hits.py wrote."""
    folder = tmp_path_factory.mktemp("hits")
    lines = ["Of the.", "", SENTENCE * 10, *texts[:40]]  # one is longer than the models read
    (folder / "in.txt").write_text("\n".join(lines), encoding="utf-8")
    result = run(
        *("scripts/evaluate_hits.py", *options, "--input", folder / "in.txt"),
        *("--save-triples", folder / "triples.tsv", "--json", folder / "hits.json"),
        *("--plot", folder / "hits.png"),
    )
    return folder, result.stdout


@pytest.mark.slow
def test_evaluate_hits(hits):
    folder, output = hits
    result = json.loads((folder / "hits.json").read_text())
    triples = (folder / "triples.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert result["triples"] == len(triples) > 20
    assert result["triples"] + result["left_out"] == 42
    assert [model["name"] for model in result["checkpoints"]] == ["CLINE", "MLM"]
    for model in result["checkpoints"]:
        assert model["cut_texts"] >= 3
        for name in ("cls_dot", "cls_cosine"):
            assert model[name]["layers"][0] == {"value": 0.5, "low": 0.5, "high": 0.5}
        assert len(model["mean_cosine"]["layers"]) == 3
    assert result["edits"] == "matched"
    assert 0.35 < result["shared_words"]["value"] < 0.8  # of 41 triples
    assert f"triples: {len(triples)}\nsentences left out, without a replacement" in output
    assert f"MLM: {result['checkpoints'][1]['cut_texts']} of " in output
    assert "texts were longer than the model's 100 positions and were truncated" in output
    assert "| similarity | layer | CLINE | MLM |" in output
    assert (folder / "hits.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_plot_embeddings(options, hits, tmp_path):
    """Of saved triples; the share that is closer is Hits by cosine, and t-SNE is repeatable."""
    folder, _ = hits
    result = run(
        *("scripts/plot_embeddings.py", *options, "--triples", folder / "triples.tsv"),
        *("--json", tmp_path / "statistics.json", "--output", tmp_path / "pca.png"),
    )
    found = json.loads((tmp_path / "statistics.json").read_text())["checkpoints"]
    expected = json.loads((folder / "hits.json").read_text())["checkpoints"]
    for statistics, model in zip(found, expected, strict=True):
        assert statistics["closer"] == pytest.approx(model["cls_cosine"]["layers"][-1])
        assert statistics["uniformity"]["value"] < 0 < statistics["alignment"]["value"]
    assert "| | CLINE | MLM |" in result.stdout
    assert "| shared_words | " in result.stdout
    assert (tmp_path / "pca.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def script(monkeypatch):
    """Run the main function of a program in this process."""
    monkeypatch.setattr(logging, "disable", lambda level: None)

    def call(name, *arguments):
        module = importlib.import_module(f"cline_fairseq.cli.{name}")
        module.main([str(argument) for argument in arguments])

    return call


def test_projections_are_the_same_again():
    import numpy as np

    from cline_fairseq.cli.plot_embeddings import project

    vectors = np.random.default_rng(0).normal(size=(30, 5))
    for method in ("pca", "tsne"):
        places = project(vectors, method, 1)
        assert places.shape == (30, 2)
        assert (places == project(vectors, method, 1)).all()
    assert np.isfinite(project(vectors[:3], "tsne", 1)).all()
    pca = project(vectors, "pca", 1)
    values = np.linalg.svd(vectors - vectors.mean(0), compute_uv=False)
    np.testing.assert_allclose((pca**2).sum(0), values[:2] ** 2)


@pytest.mark.parametrize("name", ["evaluate_hits", "plot_embeddings"])
def test_bad_input(script, options, tmp_path, name):
    from cline_fairseq.errors import InputError

    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "names.txt").write_text("Of the.\nTo Paris?\n")
    (tmp_path / "one.txt").write_text(SENTENCE)
    (tmp_path / "no_column.tsv").write_text("original\tsynonym\na\tb\n")
    cases = [
        (["--input", "nowhere.txt"], "no text nowhere.txt: specify a plain-text file"),
        (
            ["--input", tmp_path / "empty.txt"],
            "empty.txt contains no sentences: expected one per line",
        ),
        (
            ["--input", tmp_path / "names.txt"],
            r"names.txt contains no sentence .*\(2 were left out\)",
        ),
        (["--triples", tmp_path / "no_column.tsv"], "line 2: no text 'antonym' among"),
        (["--checkpoint", "CLINE=a.pt"], "give each --checkpoint a name of its own"),
        (["--checkpoint", "third=a.pt"], r"no checkpoint a.pt: specify"),
        (["--resamples", 0], "--resamples must be at least 1"),
        (["--json", tmp_path / "no" / "a.json"], "no folder .*/no to write a.json to"),
    ]
    saved = tmp_path / "triples.tsv"
    for arguments, message in cases:
        with pytest.raises(InputError, match=message):
            script(name, *options, "--save-triples", saved, *arguments)
        assert not saved.exists()


def test_one_sentence_from_standard_input(script, options, tmp_path, monkeypatch, capsys):
    import io

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SENTENCE.encode())))
    script("plot_embeddings", *options, "--method", "tsne", "--output", tmp_path / "tsne.png")
    output = capsys.readouterr().out
    assert "triples: 1\n" in output
    assert "| uniformity |  |  |" in output
    assert (tmp_path / "tsne.png").exists()
