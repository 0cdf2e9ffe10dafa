"""What the first version made goes on working: its corpus, its run and its classifier."""

import hashlib
import shutil

import numpy as np
import pytest
import torch

from cline_fairseq.checkpoint import load_model
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.roberta import export_roberta
from cline_fairseq.evaluation import Predictor
from cline_fairseq.rewriting.engine import VERSION
from cline_fairseq.tokenizer import TokenizerFiles
from helpers import FIRST_VERSION, SENTENCE, TOKENIZER, first_version_command, make_task
from programs import run
from test_training import log_lines, losses

CHECKPOINT = FIRST_VERSION / "checkpoint_last.pt"
SUBWORDS = {"bpe": "sentencepiece", "sentencepiece_model": FIRST_VERSION / TOKENIZER}
# Of the views of the corpus in epochs 1 and 2, by the shipped lexicon and tagger and VERSION 4 of
# the rewriter. Where it changes without them, raise VERSION, so that resumed runs say so.
VIEWS = "573592c754fab24aecaec753f11eda42c6c6499d0b1422b3a324520b2203f270"


def test_views_are_the_same():
    """A run that is resumed must see the texts that it would have seen, or say so."""
    assert VERSION == 4
    task = make_task(FIRST_VERSION, data=str(FIRST_VERSION / "data-bin"), seed=3)
    task.load_dataset("train")
    dataset = task.datasets["train"]
    blocks = [dataset.blocks[i].numpy() for i in range(len(dataset))]
    found = hashlib.sha256()
    for epoch in (1, 2):
        for view in dataset.rewriter.rewrite(blocks, epoch, range(len(blocks))):
            for array, kind in ((view.tokens, "<i8"), (view.lengths, "<i8"), (view.labels, "i1")):
                found.update(array.astype(kind).tobytes())
    assert found.hexdigest() == VIEWS


def test_resumes_and_validates(tmp_path):
    """With the options as they were, values that are defaults among them."""
    shutil.copy(CHECKPOINT, tmp_path)
    options = ("--loss-weighting", "learned", "--negatives", "in_batch", "--similarity", "dot")
    command = first_version_command(tmp_path, *options)
    result = run(*command, "--max-update", 11)
    assert sorted(losses(result)) == [10, 11]
    assert float(losses(result)[10]["mlm_loss"]) == pytest.approx(8.6, abs=0.2)
    assert result.stdout.count("does not record what made its views") == 1
    state = torch.load(tmp_path / "checkpoint_last.pt", weights_only=True)
    assert state["optimizer_history"][-1]["num_updates"] == 11
    # From now on it is recorded, and changes are reported.
    again = run(*command, "--max-update", 12, "--synonym-ratio", 0.3)
    assert sorted(losses(again)) == [12]
    assert "does not record" not in again.stdout
    assert "makes different views: --synonym-ratio 0.3 (before: 0.4)\n" in again.stdout
    valid = run(
        *("fairseq-validate", FIRST_VERSION / "data-bin", "--user-dir", "cline_fairseq", "--cpu"),
        *("--task", "cline", "--criterion", "cline", "--path", CHECKPOINT, "--batch-size", 4),
        *("--bpe", "sentencepiece", "--sentencepiece-model", FIRST_VERSION / TOKENIZER),
        *("--tokens-per-sample", 64, "--log-format", "json"),
    )
    (metrics,) = log_lines(valid, "valid")
    assert float(metrics["valid_mlm_loss"]) == pytest.approx(8.6, abs=0.1)


def test_predicts():
    predictor = Predictor.from_checkpoint(
        FIRST_VERSION / "classifier.pt", FIRST_VERSION / "length", **SUBWORDS
    )
    assert sorted(predictor.labels) == ["long", "short"]
    texts = (FIRST_VERSION / "valid.txt").read_text().splitlines()
    found = predictor.predict_proba(texts)
    assert found.shape == (24, 2)
    expected = [0.508872, 0.508969, 0.509123]  # of the first version
    np.testing.assert_allclose(found[:3, predictor.labels.index("short")], expected, atol=1e-5)


def test_embeds_and_exports(tmp_path):
    data = FIRST_VERSION / "data-bin"
    encoder = Predictor.from_checkpoint(CHECKPOINT, data, **SUBWORDS)
    expected = encoder.embed([SENTENCE])
    loaded = load_model(CHECKPOINT, data, TokenizerFiles(**SUBWORDS))
    export_hf(loaded, tmp_path / "hf", rtd_head=True)
    export_roberta(loaded, tmp_path / "roberta")
    exported = Predictor.from_checkpoint(
        tmp_path / "roberta" / "model.pt", tmp_path / "roberta", **SUBWORDS
    )
    np.testing.assert_allclose(exported.embed([SENTENCE]), expected, atol=1e-6)
    assert (tmp_path / "hf" / "rtd_head.safetensors").is_file()


def test_hits():
    result = run(
        *("scripts/evaluate_hits.py", "--checkpoint", f"old={CHECKPOINT}"),
        *("--data", FIRST_VERSION / "data-bin", "--bpe", "sentencepiece"),
        *("--sentencepiece-model", FIRST_VERSION / TOKENIZER),
        *("--input", FIRST_VERSION / "valid.txt"),
    )
    assert "| similarity | layer | old |" in result.stdout
