"""What was imported goes out as the class it came from, and what goes out comes in again."""

import shutil

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertModel,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    RobertaForMaskedLM,
)

from cline_fairseq.checkpoint import load_model
from cline_fairseq.convert.cline import export_cline
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.import_hf import import_hf
from cline_fairseq.inference import Predictor
from hf_models import (
    MODELS,
    PIECES,
    SENTENCES,
    make_classifier_data,
    make_with_pieces,
    states_differ,
)
from tiny_models import save_classifier

# Token types are added to the positions, and other heads are left out.
CHANGED = ("position", "token_type", "seq_relationship")


def require_same_again(loaded, folder, again, files):
    """An export imports as what it was."""
    import_hf(folder, again)
    found = load_model(again)
    before, after = loaded.model.state_dict(), found.model.state_dict()
    for key, tensor in before.items():
        if ".rtd_head." not in key or loaded.has_rtd_head:
            assert torch.equal(tensor, after[key]), key
    assert found.pooler.keys() == loaded.pooler.keys()
    assert all(torch.equal(found.pooler[key], loaded.pooler[key]) for key in loaded.pooler)
    names = ("hf_model_type", "layer_norm_eps", "rtd_head_plain", "sentence_vector")
    for name in names:
        default = {"rtd_head_plain": False, "layer_norm_eps": 1e-5}.get(name)
        ours, theirs = (getattr(model.model.args, name, default) for model in (loaded, found))
        assert ours == theirs, name
    for file in files:
        assert (again / file).read_bytes() == (loaded_folder(loaded) / file).read_bytes()


def loaded_folder(loaded):
    from pathlib import Path

    return Path(loaded.task.cfg.data)


@pytest.mark.parametrize("name", MODELS)
def test_bert_and_its_children(models, name, tmp_path):
    source, folder, _ = models[name]
    kind = {BertModel: BertForMaskedLM, BertForPreTraining: BertForMaskedLM}
    kind = kind.get(MODELS[name][0], MODELS[name][0])
    loaded = load_model(folder)
    model, notes = export_hf(loaded, tmp_path / "out")
    assert type(model) is kind
    assert not notes
    before, after = (load_file(path / "model.safetensors") for path in (source, tmp_path / "out"))
    prefix = f"{model.config.model_type}." if kind is BertForMaskedLM else ""
    for key, tensor in before.items():
        if not any(word in key for word in CHANGED):
            key = key if key in after else prefix + key  # a bare BERT has no prefix
            assert torch.equal(tensor, after[key]), key
    theirs, ours = (AutoTokenizer.from_pretrained(f) for f in (source, tmp_path / "out"))
    assert theirs(SENTENCES)["input_ids"] == ours(SENTENCES)["input_ids"]
    assert states_differ(tmp_path / "out", Predictor.from_loaded(loaded), SENTENCES) < 1e-5
    require_same_again(loaded, tmp_path / "out", tmp_path / "in", ("dict.txt", "vocab.txt"))


@pytest.mark.parametrize("name", PIECES)
def test_numbering_of_pieces(tmp_path, texts, name):
    """The ids of XLM-R's and CamemBERT's own tokenizers, and their hidden states."""
    kind, tokenizer = PIECES[name]
    source = make_with_pieces(tmp_path / "model", kind, tokenizer, texts)
    import_hf(source, tmp_path / "in")
    loaded = load_model(tmp_path / "in")
    predictor = Predictor.from_loaded(loaded)
    short = [text[:60] for text in texts[:200]]  # the model reads 120 tokens
    lines = [*SENTENCES, *short, "Un été à la plage, où l’œuvre naît."]
    theirs = tokenizer.from_pretrained(source)(lines)["input_ids"]
    if "camembert" in name:
        symbols = loaded.model.encoder.dictionary.symbols
        rows = [5, 1, 6, 3, 0, 2, 4, *range(7, len(symbols))]
        assert symbols[4:7] == [f"madeupword000{i}" for i in range(3)]
    else:
        rows = range(len(loaded.model.encoder.dictionary))
    assert [[rows[i] for i in row] for row in predictor.encode(lines)] == theirs
    assert states_differ(source, predictor, SENTENCES) < 1e-5
    model, notes = export_hf(loaded, tmp_path / "out")
    assert type(model) is kind
    assert not notes
    ours = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert ours(lines)["input_ids"] == theirs
    assert (
        ours(*lines[:2])["input_ids"] == tokenizer.from_pretrained(source)(*lines[:2])["input_ids"]
    )
    before, after = (
        AutoModelForMaskedLM.from_pretrained(path).state_dict()
        for path in (source, tmp_path / "out")
    )
    assert before.keys() == after.keys()
    for key, tensor in before.items():
        if not any(word in key for word in CHANGED):
            assert torch.equal(tensor, after[key]), key
    files = ("dict.txt", "sentencepiece.bpe.model")
    require_same_again(loaded, tmp_path / "out", tmp_path / "again", files)


def test_heads_of_one_electra(models, tmp_path):
    """The LM head of a discriminator lies in its file too."""
    loaded = load_model(models["electra"][1])
    export_hf(loaded, tmp_path / "out")
    assert ElectraForPreTraining.from_pretrained(tmp_path / "out")
    model = ElectraForMaskedLM.from_pretrained(tmp_path / "out")
    head = loaded.model.state_dict()["encoder.lm_head.dense.weight"]
    assert torch.equal(model.generator_predictions.dense.weight, head)


def test_the_pooler_lies_in_the_file(models, tmp_path):
    source, folder, _ = models["bare"]
    export_hf(load_model(folder), tmp_path / "out")
    pooler = BertModel.from_pretrained(tmp_path / "out").pooler.dense.weight
    assert torch.equal(pooler, BertModel.from_pretrained(source).pooler.dense.weight)
    export_cline(load_model(folder), tmp_path / "cline")
    assert torch.equal(pooler, load_model(tmp_path / "cline").pooler["dense.weight"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bert", ""),
        ("distilbert", "as DistilBERT, since the heads of its classifiers use relu"),
        ("electra", "as ELECTRA, since the heads of its classifiers use gelu"),
    ],
)
def test_classifiers_become_bert(models, tmp_path, name, reason):
    _, folder, _ = models[name]
    data = make_classifier_data(tmp_path / "data", folder)
    options = ("--layer-norm-eps", "1e-12", "--hf-model-type", name)
    loaded = load_model(save_classifier(tmp_path / "c.pt", data, 2, "cline_base", *options))
    model, notes = export_hf(loaded, tmp_path / "out")
    assert type(model) is BertForSequenceClassification
    assert [bool(reason)] == [reason in note for note in notes] or not (reason or notes)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert (reason in card) or not reason


def test_what_is_no_distilbert(models, tmp_path):
    """Its layer norms have a fixed epsilon."""
    loaded = load_model(models["epsilon of RoBERTa"][1])
    loaded.model.args.hf_model_type = "distilbert"
    model, notes = export_hf(loaded, tmp_path / "out")
    assert type(model) is BertForMaskedLM
    assert "its layer norms have epsilon 1e-12, and the model's 1e-05" in notes[0]


@pytest.mark.parametrize("name", ["bert", "camembert"])
def test_another_dictionary(models, texts, tmp_path, name):
    """A model whose dictionary is not that of a whole vocabulary becomes a RoBERTa, and back."""
    if name == "bert":
        folder = models["cased"][1]
    else:
        source = make_with_pieces(tmp_path / "model", *PIECES["camembert"], texts)
        folder = tmp_path / "imported"
        import_hf(source, folder)
    path = shutil.copytree(folder, tmp_path / "changed")
    lines = (path / "dict.txt").read_text(encoding="utf-8").splitlines()
    lines[10:30] = reversed(lines[10:30])
    (path / "dict.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    loaded = load_model(path)
    model, notes = export_hf(loaded, tmp_path / "out")
    assert type(model) is RobertaForMaskedLM
    assert "exported as RoBERTa and not as" in notes[0]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    ours = [row.tolist() for row in Predictor.from_loaded(loaded).encode(SENTENCES)]
    assert tokenizer(SENTENCES)["input_ids"] == ours
    loaded.model.args.hf_model_type = "roberta"
    files = ("dict.txt", "vocab.txt" if name == "bert" else "sentencepiece.bpe.model")
    require_same_again(loaded, tmp_path / "out", tmp_path / "in", files)
