"""Models of sentence-transformers: their pooling comes in, and goes out again."""

import json
import shutil

import numpy as np
import pytest

from cline_fairseq.checkpoint import load_model
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.import_hf import import_hf
from cline_fairseq.convert.sentence_transformers import read_pooling
from cline_fairseq.errors import InputError
from cline_fairseq.models.cline import ClineModel
from hf_models import SENTENCES

OPTIONS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")


def add_modules(folder, *modules, **pooling):
    """Add the files of sentence-transformers to a model."""
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize", "Dense": "3"}
    listed = [
        {"idx": i, "name": str(i), "path": paths[m], "type": f"sentence_transformers.models.{m}"}
        for i, m in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    path = folder / "1_Pooling" / "config.json"
    path.write_text(json.dumps({"word_embedding_dimension": 32, **pooling}), encoding="utf-8")
    return folder


def mode(chosen):
    return {f"pooling_mode_{name}": name == chosen for name in OPTIONS}


ALL = ("Transformer", "Pooling", "Normalize")


@pytest.fixture
def model(models, tmp_path):
    return shutil.copytree(models["bert"][0], tmp_path / "model")


@pytest.mark.parametrize(
    ("modules", "pooling", "vector", "normalize"),
    [
        (ALL, mode("mean_tokens"), "mean", True),
        (ALL[:2], mode("cls_token"), "cls", False),
        (ALL[:2], {"pooling_mode": "mean"}, "mean", False),
    ],
)
def test_pooling_comes_in_and_goes_out(model, tmp_path, modules, pooling, vector, normalize):
    add_modules(model, *modules, **pooling)
    assert not any("left out" in note for note in import_hf(model, tmp_path / "in").notes)
    loaded = load_model(tmp_path / "in")
    args = loaded.model.args
    assert (args.sentence_vector, args.normalize_sentence_vector) == (vector, normalize)
    export_hf(loaded, tmp_path / "out")
    options = {"sentence_vector": vector, "normalize_sentence_vector": normalize}
    assert read_pooling(tmp_path / "out", loaded.model.max_positions()) == (options, [])
    found = json.loads((tmp_path / "out" / "modules.json").read_text(encoding="utf-8"))
    assert [module["type"].rpartition(".")[2] for module in found] == list(modules)
    import_hf(tmp_path / "out", tmp_path / "again")
    assert load_model(tmp_path / "again").model.args.sentence_vector == vector


def test_files_of_early_versions(model, tmp_path):
    """The encoder has a folder of its own."""
    whole = tmp_path / "whole"
    whole.mkdir()
    shutil.copytree(model, whole / "0_Transformer")
    add_modules(whole, *ALL[:2], **mode("mean_tokens"))
    text = (whole / "modules.json").read_text(encoding="utf-8")
    text = text.replace('"path": ""', '"path": "0_Transformer"')
    (whole / "modules.json").write_text(text, encoding="utf-8")
    import_hf(whole, tmp_path / "in")
    assert load_model(tmp_path / "in").model.args.sentence_vector == "mean"


def test_what_cannot_be_kept_is_said(model, tmp_path):
    add_modules(model, *ALL, "Dense", **mode("max_tokens"))
    notes = import_hf(model, tmp_path / "in").notes
    assert "left out: Dense (modules of sentence-transformers)" in notes
    assert any("left out: pooling_mode_max_tokens of" in note for note in notes)
    assert load_model(tmp_path / "in").model.args.sentence_vector == "cls"
    both = {**mode("mean_tokens"), "pooling_mode_cls_token": True}
    (model / "sentence_bert_config.json").write_text('{"max_seq_length": 50}', encoding="utf-8")
    _, notes = read_pooling(add_modules(model, *ALL, **both), 120)
    assert notes[0].startswith("left out: the limit of 50 tokens")
    assert "pooling_mode_cls_token, pooling_mode_mean_tokens" in notes[1]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("modules.json", "{}", "must contain a list in brackets"),
        ("modules.json", "[1]", "is not a list of modules"),
        ("modules.json", '[{"type": "a.Pooling", "path": "../x"}]', "is not a folder beside it"),
        ("modules.json", "[", "is not JSON"),
        ("1_Pooling/config.json", "[]", "must contain an object"),
    ],
)
def test_broken_files(model, tmp_path, file, content, message):
    add_modules(model, *ALL, **mode("mean_tokens"))
    (model / file).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        import_hf(model, tmp_path / "in")
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra"])
@pytest.mark.parametrize(("vector", "normalize"), [("mean", True), ("cls", False)])
def test_vectors_are_those_of_the_model(models, tmp_path, name, vector, normalize):
    """SentenceTransformer reads the folder as it is."""
    library = pytest.importorskip("sentence_transformers", reason="a package of its own")
    loaded = load_model(models[name][1])
    loaded.model.args.sentence_vector = vector
    loaded.model.args.normalize_sentence_vector = normalize
    export_hf(loaded, tmp_path / "out")
    encoder = library.SentenceTransformer(str(tmp_path / "out"), device="cpu")
    found = encoder.encode(SENTENCES)
    ours = ClineModel.from_pretrained(tmp_path / "out").eval()
    expected = ours._sentence_vectors(SENTENCES).detach().numpy()
    if normalize:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert encoder.max_seq_length == loaded.model.max_positions()
