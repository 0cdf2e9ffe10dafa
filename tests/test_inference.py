"""The predictor against fairseq's own data pipeline, and against texts one at a time."""

import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, data_utils, encoders, indexed_dataset
from omegaconf import OmegaConf

from cline_fairseq import inference as predictor_module
from cline_fairseq import text_rows
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation import Predictor
from cline_fairseq.evaluation.finetuning.binarized import load_classifier, predict_split
from helpers import TOKENIZER, gpt2_vocabulary
from programs import ROOT
from tiny_models import as_published, binarize_tasks, save_classifier, save_encoder

BOS, PAD, EOS = 0, 1, 2
CLASSES = {"SST-2": 2, "MNLI": 3, "STS-B": 1}


@pytest.fixture(scope="module")
def glue(corpus, tmp_path_factory, texts):
    """Three tasks, binarized, and their examples."""
    return binarize_tasks(tmp_path_factory.mktemp("glue"), corpus, CLASSES, texts)


@pytest.fixture(scope="module")
def subwords(corpus):
    return {"bpe": "sentencepiece", "sentencepiece_model": corpus / TOKENIZER}


@pytest.fixture(scope="module")
def checkpoints(corpus, glue, tmp_path_factory):
    """Classifiers of the three tasks, and encoders of three kinds."""
    folder = tmp_path_factory.mktemp("models")
    paths = {}
    for name, classes in CLASSES.items():
        arch = "roberta_base" if name == "MNLI" else "cline_base"
        extra = ("--regression-target",) if name == "STS-B" else ()
        path = folder / f"{name}.pt"
        paths[name] = save_classifier(path, glue[0] / name, classes, arch, *extra)
    for task, arch in (
        ("cline", "cline_base"),
        ("masked_lm", "cline_base"),
        ("masked_lm", "roberta_base"),
        ("masked_lm", "roberta_prenorm"),
    ):
        name = f"{task} {arch}"
        paths[name] = save_encoder(folder / f"{name}.pt", corpus / "bin", task, arch)
    paths["published"] = as_published(folder / "p.pt", paths["masked_lm roberta_base"])
    return paths


ENCODERS = ["cline cline_base", "masked_lm cline_base", "masked_lm roberta_base", "published"]


def raw_texts(examples):
    return [texts[0] if len(texts) == 1 else texts for texts, _ in examples]


@pytest.mark.parametrize("name", CLASSES)
def test_results_are_those_of_the_binarized_split(glue, checkpoints, subwords, name):
    data, checkpoint = glue[0] / name, checkpoints[name]
    predictor = Predictor.from_checkpoint(checkpoint, data, max_tokens=200, **subwords)
    model, task = load_classifier(checkpoint, data)
    expected = predict_split(model, task, "valid")
    texts = raw_texts(glue[1][name]["valid"])
    done = []
    np.testing.assert_allclose(
        predictor.logits(texts, done.append), expected.scores, atol=1e-5, rtol=1e-5
    )
    assert sum(done) == len(texts)
    assert len(done) > 1
    if name == "STS-B":
        assert predictor.labels == []
        np.testing.assert_allclose(predictor.predict(texts), expected.scores[:, 0], atol=1e-5)
        with pytest.raises(InputError, match="predicts numbers, not class probabilities"):
            predictor.predict_proba(texts)
        return
    found = predictor.predict_proba(texts)
    exponents = np.exp(expected.scores.astype(float))
    np.testing.assert_allclose(found, exponents / exponents.sum(1, keepdims=True), atol=1e-5)
    # The label dictionary is sorted by frequency in the training file.
    labels = [label for _, label in glue[1][name]["train"]]
    frequent = sorted(set(labels), key=lambda label: (-labels.count(label), label))
    assert predictor.labels == frequent
    assert predictor.predict(texts) == [frequent[c] for c in expected.scores.argmax(1)]
    assert len(set(predictor.predict(texts))) > 1
    gold = [predictor.labels[c] for c in expected.gold]
    assert gold == [label for _, label in glue[1][name]["valid"]]


def test_binarized_split_of_an_older_format(glue, checkpoints, tmp_path):
    """That of --dataset-impl cached, which wants its lines fetched beforehand."""
    data = tmp_path / "MNLI"
    shutil.copytree(glue[0] / "MNLI", data)
    for part in ("input0", "input1", "label"):
        path = str(data / part / "valid")
        lines = data_utils.load_indexed_dataset(path)
        builder = indexed_dataset.make_builder(f"{path}.bin.new", "cached")
        for i in range(len(lines)):
            builder.add_item(lines[i])
        builder.finalize(f"{path}.idx.new")
        for end in ("bin", "idx"):
            (data / part / f"valid.{end}.new").replace(data / part / f"valid.{end}")
    found, expected = (
        predict_split(*load_classifier(checkpoints["MNLI"], folder), "valid")
        for folder in (data, glue[0] / "MNLI")
    )
    np.testing.assert_array_equal(found.scores, expected.scores)
    np.testing.assert_array_equal(found.gold, expected.gold)


def test_results_do_not_depend_on_batches(glue, checkpoints, subwords):
    one, many = (
        Predictor.from_checkpoint(checkpoints["SST-2"], glue[0] / "SST-2", max_tokens=n, **subwords)
        for n in (1, 8192)
    )
    texts = ["", "one", "a few more words in a text", " ", "one", "word " * 60]
    found = many.predict_proba(texts)
    np.testing.assert_allclose(found, one.predict_proba(texts), atol=1e-5)
    assert (found[0] == found[3]).all()
    assert np.abs(found[1] - found[2]).max() > 1e-3
    assert many.predict_proba([]).shape == (0, 2)
    assert many.embed([]).shape == (0, 32)


def test_windows_change_nothing(glue, checkpoints, subwords, monkeypatch):
    """Results, their order, progress and messages are those of one window for all texts."""
    predictor = Predictor.from_checkpoint(checkpoints["MNLI"], glue[0] / "MNLI", **subwords)
    texts = raw_texts(glue[1]["MNLI"]["valid"])
    texts[5] = ("long " * 200, "too")
    whole = predictor.logits(texts), predictor.embed(texts, 1), predictor.is_truncated(texts)
    states = {i: row for b in predictor.hidden_states(texts) for i, row in rows_of(b)}
    for module in (predictor_module, text_rows):
        monkeypatch.setattr(module, "WINDOW", 3)
    done = []
    parts = (
        predictor.logits(texts, done.append),
        predictor.embed(texts, 1),
        predictor.is_truncated(texts),
    )
    for found, expected in zip(parts, whole, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert sum(done) == len(texts)
    found = {i: row for b in predictor.hidden_states(texts) for i, row in rows_of(b)}
    assert found.keys() == states.keys()
    assert all(torch.allclose(found[i], states[i], atol=1e-5) for i in states)
    called = []
    with pytest.raises(InputError, match="text 8 is not valid Unicode"):
        predictor.logits([*texts[:7], "\ud800"], called.append)
    assert not called


def test_memory_does_not_grow_with_the_number_of_texts(glue, checkpoints, subwords, monkeypatch):
    predictor = Predictor.from_checkpoint(checkpoints["SST-2"], glue[0] / "SST-2", **subwords)
    monkeypatch.setattr(predictor_module, "WINDOW", 100)

    def peak(count):
        texts = ["a few words"] * count
        tracemalloc.start()
        for _ in predictor.hidden_states(texts):
            pass
        states = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        results = predictor.logits(texts)
        logits = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return states, logits - results.nbytes

    peak(100)  # what is allocated once
    for few, many in zip(peak(200), peak(4000), strict=True):
        assert (many - few) / 3800 < 50  # bytes; the array of a text's tokens alone has 150


def rows_of(batch):
    lengths = batch.lengths.tolist()
    return [(i, batch.layers[-1][k, : lengths[k]]) for k, i in enumerate(batch.indices)]


def test_texts_become_symbols_as_in_files(corpus, glue, checkpoints, subwords, texts):
    predictor = Predictor.from_checkpoint(checkpoints["SST-2"], glue[0] / "SST-2", **subwords)
    dictionary = Dictionary.load(str(corpus / "dict.txt"))
    lines = (corpus / "train.sp").read_text(encoding="utf-8").splitlines()[:40]
    raw = (corpus / "train.txt").read_text(encoding="utf-8").splitlines()[:40]
    rows = predictor.encode(raw)
    for line, row in zip(lines, rows, strict=True):
        symbols = dictionary.encode_line(line, add_if_not_exist=False)
        expected = [BOS, *symbols.tolist()]
        assert row.tolist() == expected[:100]
    assert {len(row) for row in rows} & set(range(5, 100))
    (pair,) = predictor.encode([("one text", "another one")])
    first, second = predictor.encode(["one text", "another one"])
    assert pair.tolist() == [*first, EOS, *second[1:]]
    same = predictor.encode(["  two lines\r\n of text\n", "two lines  of text"])
    assert same[0].tolist() == same[1].tolist()
    empty = predictor.encode(["", ("", "")])
    assert [row.tolist() for row in empty] == [[BOS, EOS], [BOS, EOS, EOS, EOS]]


@pytest.mark.parametrize(
    ("sizes", "kept"),
    [((10, 10), (10, 10)), ((150, 20), (76, 20)), ((20, 150), (20, 76)), ((90, 80), (48, 48))],
)
def test_pairs_are_cut_at_the_longer_text(glue, checkpoints, subwords, sizes, kept):
    predictor = Predictor.from_checkpoint(checkpoints["SST-2"], glue[0] / "SST-2", **subwords)
    words = [" ".join(["the"] * size) for size in sizes]
    whole = [len(row) - 2 for row in predictor.encode(["the"])]
    assert whole == [1]  # a symbol a word
    (row,) = predictor.encode([tuple(words)])
    a, b = row[1], row[-2]
    expected = [BOS, *[a] * kept[0], EOS, EOS, *[b] * kept[1], EOS]
    assert row.tolist() == expected
    assert len(row) <= predictor.max_positions == 100
    assert predictor.is_truncated([tuple(words)]).tolist() == [sum(sizes) > 96]
    assert predictor.is_truncated(["the " * 98, "the " * 99]).tolist() == [False, True]
    (single,) = predictor.encode(["the " * 200])
    assert single.tolist() == [BOS, *[a] * 99]  # as sentence_prediction cuts it


@pytest.mark.parametrize("name", ENCODERS)
def test_sentence_vectors(corpus, checkpoints, subwords, texts, name):
    """Against each text on its own, through fairseq's interface."""
    from fairseq.models.roberta import RobertaHubInterface

    predictor = Predictor.from_checkpoint(checkpoints[name], corpus / "bin", **subwords)
    assert predictor.num_layers == 2
    sample = [*texts[:6], "", ("a pair", texts[7])]
    hub = RobertaHubInterface.__new__(RobertaHubInterface)
    torch.nn.Module.__init__(hub)
    hub.model = predictor.model
    hub.register_buffer("_float_tensor", torch.zeros(1))
    rows = predictor.encode(sample)
    with torch.no_grad():
        states = [
            [s[0].numpy() for s in hub.extract_features(torch.from_numpy(row), True)]
            for row in rows
        ]
    for layer in (0, 1, 2, -1):
        cls = np.stack([text[layer][0] for text in states])
        mean = np.stack([text[layer].mean(0) for text in states])
        np.testing.assert_allclose(predictor.embed(sample, layer), cls, atol=1e-5)
        np.testing.assert_allclose(predictor.embed(sample, layer, "mean"), mean, atol=1e-5)
    seen = []
    for batch in predictor.hidden_states(sample):
        assert len(batch.layers) == 3
        for row, i in enumerate(batch.indices):
            length = batch.lengths[row]
            assert length == len(rows[i])
            for layer, vectors in enumerate(batch.layers):
                found = vectors[row, :length].numpy()
                np.testing.assert_allclose(found, states[i][layer], atol=1e-5)
        seen += batch.indices
    assert sorted(seen) == list(range(len(sample)))


def test_bf16_follows_fp32(corpus, glue, checkpoints, subwords, texts):
    """Results stay float32, and are off by 3 % at most, on average: bf16 has 8 bits."""
    classifier = [checkpoints["SST-2"], glue[0] / "SST-2"]
    encoder = [checkpoints["cline cline_base"], corpus / "bin"]
    scores, vectors = {}, {}
    for precision in ("fp32", "bf16"):
        predictor = Predictor.from_checkpoint(*classifier, **subwords, precision=precision)
        scores[precision] = predictor.logits(texts[:20])
        predictor = Predictor.from_checkpoint(*encoder, **subwords, precision=precision)
        vectors[precision] = np.stack(
            [predictor.embed(texts[:20], layer, "mean") for layer in (0, 1, -1)]
        )
        (batch,) = predictor.hidden_states(texts[:20])
        assert {layer.dtype for layer in batch.layers} == {torch.float32}
    for results in (scores, vectors):
        assert {values.dtype for values in results.values()} == {np.dtype(np.float32)}
        assert not np.array_equal(results["bf16"], results["fp32"])
        error = np.square(results["bf16"] - results["fp32"]).mean() ** 0.5
        assert error < 0.03 * np.square(results["fp32"]).mean() ** 0.5


def test_last_layer_is_behind_the_final_norm(corpus, checkpoints, subwords, texts):
    path = checkpoints["masked_lm roberta_prenorm"]
    predictor = Predictor.from_checkpoint(path, corpus / "bin", max_tokens=1, **subwords)
    row = torch.from_numpy(predictor.encode(texts[:1])[0])[None]
    features = predictor.model(row, features_only=True)[0].detach()
    (batch,) = predictor.hidden_states(texts[:1])
    np.testing.assert_allclose(batch.layers[-1], features, atol=1e-6)
    np.testing.assert_allclose(predictor.embed(texts[:1]), features[:, 0], atol=1e-6)


def test_gpt2(texts, tmp_path):
    """Symbols are those of fairseq's encoder; the folder of a task of GLUE will do."""
    (tmp_path / "input0").mkdir()
    config = gpt2_vocabulary(tmp_path / "input0", texts, 40)
    path = save_encoder(tmp_path / "encoder.pt", tmp_path / "input0", "masked_lm", "cline_base")
    subwords = {"bpe": "gpt2", **{name: v for name, v in config.items() if name != "_name"}}
    predictor = Predictor.from_checkpoint(path, tmp_path, **subwords)
    bpe = encoders.build_bpe(OmegaConf.create(config))
    dictionary = Dictionary.load(str(tmp_path / "input0" / "dict.txt"))
    for text, row in zip(texts[:20], predictor.encode(texts[:20]), strict=True):
        symbols = dictionary.encode_line(bpe.encode(text), add_if_not_exist=False)
        assert row.tolist() == [BOS, *symbols.tolist()][:100]


def test_what_is_recorded_need_not_be_given(corpus, glue, checkpoints, subwords, tmp_path):
    """By an encoder that records all, a classifier whose data have a tokenizer, and an archive."""
    texts, load = ["a few words", ("a pair", "of texts")], Predictor.from_checkpoint
    options = ("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER)
    path = save_encoder(tmp_path / "a.pt", corpus / "bin", "cline", "cline_base", *options)
    given = load(path, corpus / "bin", **subwords).embed(texts)
    assert (load(path).embed(texts) == given).all()
    data = glue[0] / "MNLI"
    given = load(checkpoints["MNLI"], data, **subwords).predict_proba(texts)
    assert (load(checkpoints["MNLI"]).predict_proba(texts) == given).all()

    archive = tmp_path / "archive"
    archive.mkdir()
    state = torch.load(checkpoints["published"])
    state["args"].data = "/private/data-bin:/private/data-bin2"
    torch.save(state, archive / "model.pt")
    with pytest.raises(MissingFileError, match="specify --data FOLDER --bpe sentencepiece"):
        load(archive)
    shutil.copy(corpus / "bin" / "dict.txt", archive)
    shutil.copy(corpus / TOKENIZER, archive / "sentencepiece.bpe.model")
    given = load(checkpoints["published"], corpus / "bin", **subwords).embed(texts)
    assert (load(archive).embed(texts) == given).all()


def test_wrong_neighbours_are_refused(corpus, gpt2_corpus, checkpoints, tmp_path):
    path = tmp_path / "model.pt"
    state = torch.load(checkpoints["masked_lm roberta_base"])
    state["cfg"]["task"]["data"] = "gone"
    torch.save(state, path)
    for name in ("encoder.json", "vocab.bpe", "dict.txt"):
        shutil.copy(gpt2_corpus[0].parent / name, tmp_path)
    with pytest.raises(InputError, match=r"/dict\.txt has 7\d\d symbols, and .* \(--data\)"):
        Predictor.from_checkpoint(path)
    shutil.copy(corpus / "bin" / "dict.txt", tmp_path)
    with pytest.raises(InputError, match=r"/dict\.txt with .*/encoder\.json, .*/vocab\.bpe: "):
        Predictor.from_checkpoint(path)
    state["cfg"]["bpe"] = {"_name": "characters"}
    torch.save(state, path)
    with pytest.raises(InputError, match=r"not 'characters': specify the tokenizer of .*model\.pt"):
        Predictor.from_checkpoint(path)


def test_bad_input(corpus, glue, checkpoints, subwords, tmp_path):
    load = Predictor.from_checkpoint
    data = glue[0] / "SST-2"
    (tmp_path / "no.pt").write_text("no checkpoint")
    (tmp_path / "dict.txt").write_text("▁the 1\n", encoding="utf-8")
    with pytest.raises(MissingFileError, match="no checkpoint nowhere"):
        load("nowhere.pt", data, **subwords)
    with pytest.raises(InputError, match="is not a checkpoint"):
        load(tmp_path / "no.pt", data, **subwords)
    with pytest.raises(MissingFileError, match="no folder nowhere"):
        load(checkpoints["SST-2"], "nowhere", **subwords)
    with pytest.raises(MissingFileError, match=r"no dictionary .*bin/input0/dict.txt"):
        load(checkpoints["SST-2"], corpus / "bin", **subwords)
    with pytest.raises(InputError, match=r"has 6 symbols, and .* was trained with"):
        load(checkpoints["cline cline_base"], tmp_path, **subwords)
    with pytest.raises(InputError, match=r"labels .*neutral.*was trained on 2 classes"):
        load(checkpoints["SST-2"], glue[0] / "MNLI", **subwords)
    with pytest.raises(MissingFileError, match=r"encoder\.json and vocab\.bpe for .*SST-2\.pt"):
        load(checkpoints["SST-2"], data, bpe="gpt2")
    with pytest.raises(InputError, match="--bpe must be one of sentencepiece, gpt2, bert"):
        load(checkpoints["SST-2"], data, bpe="characters")
    encoder = load(checkpoints["cline cline_base"], data, **subwords)
    with pytest.raises(InputError, match=r"is an encoder without a classification head"):
        encoder.predict_proba(["a text"])
    with pytest.raises(InputError, match=r"no layer 3: .* has the layers 0 to 2"):
        encoder.embed(["a text"], layer=3)
    with pytest.raises(InputError, match="pool must be one of cls, mean"):
        encoder.embed(["a text"], pool="max")
    with pytest.raises(InputError, match="text 2 is not valid Unicode"):
        encoder.embed(["a text", "half \ud800"])
    with pytest.raises(TypeError, match="a list of texts"):
        encoder.embed("a text")


def test_tables_of_results_import_neither_torch_nor_fairseq():
    code = (
        "import sys, cline_fairseq.rewriting, cline_fairseq.evaluation.glue.report; "
        "assert not {'torch', 'fairseq'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
