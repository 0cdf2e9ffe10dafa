"""Labels of exported classifiers have names that say what they mean."""

import json

import pytest
from transformers import AutoConfig

from cline_fairseq.checkpoint import load_model
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.label_names import named_labels
from cline_fairseq.errors import InputError
from cline_fairseq.evaluation import Predictor
from tiny_models import binarize_tasks, save_classifier


@pytest.fixture(scope="module")
def classifier(corpus, texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    glue, _ = binarize_tasks(folder, corpus, ("SST-2",), texts)
    return save_classifier(folder / "sst.pt", glue / "SST-2", 2), glue / "SST-2"


def test_names_of_glue(classifier, tmp_path):
    path, data = classifier
    loaded = load_model(path)
    meaning = {"0": "negative", "1": "positive"}
    model, _ = export_hf(loaded, tmp_path / "hf")
    config = AutoConfig.from_pretrained(tmp_path / "hf")
    predictor = Predictor.from_checkpoint(path)
    assert config.id2label == {i: meaning[label] for i, label in enumerate(predictor.labels)}
    assert config.label2id == {name: i for i, name in config.id2label.items()}
    assert model.config.id2label == config.id2label
    assert "`positive`" in (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    assert loaded.labels == predictor.labels  # as in its data
    manifest = json.loads((data / "manifest.json").read_text())
    kept = (data / "manifest.json").read_bytes()
    for change in ({"options": {**manifest["options"], "task": "RTE"}}, {"options": []}):
        (data / "manifest.json").write_text(json.dumps({**manifest, **change}))
        assert named_labels(loaded) == loaded.labels
    (data / "manifest.json").unlink()
    assert named_labels(loaded) == loaded.labels
    (data / "manifest.json").write_bytes(kept)


def test_names_of_ones_own(classifier, exported):
    loaded = load_model(classifier[0])
    names = {"0": "ham", "1": "spam"}
    assert named_labels(loaded, names) == [names[label] for label in loaded.labels]
    for wrong in ({"0": "ham"}, {**names, "2": "b"}, {"0": "a", "1": "a"}, {"no": "a", "yes": "b"}):
        with pytest.raises(InputError, match=r"the labels of the classifier are .*--labels"):
            named_labels(loaded, wrong)
    for name in ("sentencepiece", "STS-B"):
        with pytest.raises(InputError, match="the checkpoint has no labels"):
            named_labels(exported[name][1], names)
        assert named_labels(exported[name][1]) == []
    assert named_labels(exported["MNLI"][1]) == exported["MNLI"][1].labels
