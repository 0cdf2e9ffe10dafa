"""What cannot be converted ends in one sentence, and nothing is written."""

import json
import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from cline_fairseq.convert.configs import to_hf_config
from cline_fairseq.convert.export_hf import export_hf
from cline_fairseq.convert.hf_tokenizers import require_same_as_fast
from cline_fairseq.convert.import_hf import import_hf, model_folder
from cline_fairseq.convert.roberta import export_roberta
from cline_fairseq.errors import InputError, MissingFileError

WEIGHTS, RTD_HEAD = "model.safetensors", "rtd_head.safetensors"
CONFIG, TOKENIZER = "config.json", "tokenizer.json"


@pytest.fixture
def model(exported, tmp_path):
    """Copies of exported models, to be spoilt."""

    def copy(name="gpt2"):
        return shutil.copytree(exported[name][0], tmp_path / name)

    return copy


def refused(folder, message, kind=InputError):
    dest = folder.parent / "out"
    with pytest.raises(kind, match=message) as error:
        import_hf(folder, dest)
    assert "\n" not in str(error.value)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def edit(path, change):
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("model_type", "t5", "model_type in config.json is 't5', .* BERT's architectures"),
        ("model_type", "roberta-prelayernorm", "BERT's architectures"),
        ("hidden_act", "relu", "hidden_act is 'relu', and must be 'gelu'"),
        ("layer_norm_eps", 1, "layer_norm_eps in config.json must be a number between 0 and 1"),
        ("position_embedding_type", "relative_key", "position_embedding_type"),
        ("is_decoder", True, "is_decoder"),
        ("pad_token_id", 0, "pad_token_id is 0, and must be 1"),
        ("hidden_size", 33, "hidden_size 33 in config.json is not a multiple of its 2 heads"),
        ("hidden_dropout_prob", "a", "hidden_dropout_prob in config.json must be a number"),
        ("add_cross_attention", 1, "add_cross_attention is 1, and must be False"),
        ("vocab_size", None, "vocab_size in config.json must be a positive integer"),
        ("sentence_vector", "last", "sentence_vector in config.json is 'last'"),
        ("num_hidden_layers", "two", "num_hidden_layers in config.json must be a positive integer"),
        ("num_hidden_layers", 10**7, "num_hidden_layers in config.json is 10,000,000, and must be"),
        ("num_hidden_layers", 3, "lacks tensors of RoBERTa"),
        ("num_hidden_layers", 1, "has tensors that RoBERTa does not have"),
        ("hidden_size", 10**6, "is 1,000,000, and must be at most 100,000"),
        ("intermediate_size", 128, r"has the shape \(64,\), but config.json implies \(128,\)"),
        ("vocab_size", 1000, "tokens, and the model's embeddings have 1,000 rows"),
    ],
)
def test_configurations(model, option, value, message):
    folder = model()
    edit(folder / CONFIG, lambda config: config.update({option: value}))
    refused(folder, message)


def test_tensors(model):
    folder = model()
    tensors = load_file(folder / WEIGHTS)
    name = "roberta.encoder.layer.0.attention.self.query.bias"
    save_file({k: v for k, v in tensors.items() if k != name}, folder / WEIGHTS)
    refused(folder, f"lacks tensors of RoBERTa: {name}")
    save_file(tensors | {"roberta.adapter.weight": torch.ones(2)}, folder / WEIGHTS)
    refused(folder, "has tensors that RoBERTa does not have: roberta.adapter.weight")
    save_file(tensors | {name: torch.ones(32, dtype=torch.int8)}, folder / WEIGHTS)
    refused(folder, "is torch.int8, and must be floating-point")
    types = "roberta.embeddings.token_type_embeddings.weight"
    save_file(tensors | {types: torch.ones(1, 16)}, folder / WEIGHTS)
    refused(folder, r"token_type_embeddings.* has the shape \(1, 16\), and must have \(types, 32\)")
    save_file(tensors, folder / WEIGHTS)
    head = load_file(folder / RTD_HEAD)
    save_file({"foo": torch.ones(3)}, folder / RTD_HEAD)
    refused(folder, r"rtd_head\.safetensors lacks tensors")
    save_file(head | {"dense.weight": torch.ones(3, 3)}, folder / RTD_HEAD)
    refused(folder, r"dense\.weight in .* has the shape \(3, 3\), but .* implies \(32, 32\)")
    save_file(head, folder / RTD_HEAD)
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-100])
    refused(folder, "is not a safetensors file")
    (folder / WEIGHTS).unlink()
    refused(folder, "no parameters in", MissingFileError)
    index = {"weight_map": {name: "part.safetensors"}}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index), encoding="utf-8")
    refused(folder, r"no .*part\.safetensors, which", MissingFileError)
    for outside in ("../part.safetensors", "..", "", str(folder / "part.safetensors")):
        index = {"weight_map": {name: outside}}
        (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index), encoding="utf-8")
        refused(folder, r"names '.*', which is not a file in its folder")


class Foreign:
    def __reduce__(self):
        return print, ("a foreign class was called",)


def test_pickles(model, capsys):
    folder = model()
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    path = folder / "pytorch_model.bin"
    torch.save({**tensors, "more": Foreign()}, path)
    refused(folder, "is not safe to load: it holds print, which could run code")
    path.write_bytes(pickle.dumps(Foreign()))
    refused(folder, "is not a checkpoint, or is damaged")  # torch refuses its protocol
    torch.save({**tensors, "more": 1}, path)
    refused(folder, "does not hold a model's tensors by name")
    for content in (b"", b"\x80\x02.", b"\x80\x02}q\x00h\x05."):
        path.write_bytes(content)
        refused(folder, "is broken|is not a checkpoint, or is damaged")
    assert "foreign" not in capsys.readouterr().out
    torch.save(tensors, path)
    import_hf(folder, folder.parent / "out")


def test_parts_make_one_model(model, exported, imported):
    folder = model()
    tensors = load_file(folder / WEIGHTS)
    (folder / WEIGHTS).unlink()
    parts, weight_map = ({}, {}), {}
    for i, (name, tensor) in enumerate(tensors.items()):
        parts[i % 2][name] = tensor
        weight_map[name] = f"part{i % 2}.safetensors"
    for i, part in enumerate(parts):
        save_file(part, folder / f"part{i}.safetensors")
    index = json.dumps({"weight_map": weight_map})
    (folder / f"{WEIGHTS}.index.json").write_text(index, encoding="utf-8")
    import_hf(folder, folder.parent / "out")
    found, expected = (
        torch.load(path / "model.pt")["model"]
        for path in (folder.parent / "out", imported / "gpt2")
    )
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["model"].update(type="WordPiece"), "is a WordPiece tokenizer like BERT's"),
        (lambda t: t.update(normalizer={"type": "Lowercase"}), r"normalizes texts \(Lowercase\)"),
        (
            lambda t: t["pre_tokenizer"].update(add_prefix_space=True),
            "adds a space before each text",
        ),
        (
            lambda t: t.update(pre_tokenizer={"type": "Whitespace"}),
            "not a byte-level BPE like GPT-2's",
        ),
        (lambda t: t["model"]["vocab"].pop("e"), "does not number its tokens consecutively from 0"),
        (lambda t: t["model"]["merges"].append(["zz", "qq"]), "lacks 1 tokens .* produce .zzqq."),
        (lambda t: t["model"]["vocab"].update({"a b": 815}), "dict.txt cannot hold: 'a b'"),
        (
            lambda t: t["added_tokens"].append({"id": 815, "content": "covid"}),
            "were added to the BPE",
        ),
        (
            lambda t: t["pre_tokenizer"].update(use_regex=False),
            "sets use_regex, which fairseq's BPE does not support",
        ),
        (
            lambda t: t["model"].update(ignore_merges=True),
            "sets ignore_merges, which fairseq's BPE does not support",
        ),
        (lambda t: t["model"].update(end_of_word_suffix="</w>"), "splits texts differently"),
        (lambda t: t.update(model=None), "is not a Hugging Face tokenizer"),
        (lambda t: t["model"].pop("merges"), "is not a Hugging Face tokenizer"),
    ],
)
def test_byte_level_tokenizers(model, change, message):
    folder = model()
    tokenizer = json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))
    size = len(tokenizer["model"]["vocab"])
    change(tokenizer)
    text = json.dumps(tokenizer).replace("815", str(size))  # the next free row
    tokenizer = json.loads(text)
    (folder / TOKENIZER).write_text(json.dumps(tokenizer), encoding="utf-8")
    refused(folder, message)


def test_tokenizers_that_the_library_panics_at(tmp_path):
    """As it does for a flipped bit in a table of characters; the error is no Exception."""
    table = {"type": "Precompiled", "precompiled_charsmap": "@@"}
    text = json.dumps({"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": table})
    (tmp_path / TOKENIZER).write_text(text, encoding="utf-8")
    with pytest.raises(
        InputError, match=r"tokenizer\.json is not a Hugging Face tokenizer.*Invalid byte 64"
    ):
        require_same_as_fast(tmp_path, tmp_path)


def test_a_prefix_space_in_the_settings(model):
    folder = model()
    edit(folder / "tokenizer_config.json", lambda config: config.update(add_prefix_space=True))
    refused(folder, r"tokenizer_config\.json adds a space before each text")


def test_vocabularies_in_the_order_of_bert_or_camembert(model):
    folder = model()

    def swap(tokenizer):
        vocabulary = tokenizer["model"]["vocab"]
        vocabulary["<s>"], vocabulary["<pad>"] = 1, 0
        del tokenizer["added_tokens"]

    edit(folder / TOKENIZER, swap)
    refused(folder, r"begins with '<pad>', '<s>', .*: a vocabulary for fairseq must begin")


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["normalizer"]["normalizers"].append({"type": "Lowercase"}),
        lambda t: t["model"].update(vocab=[[p, -len(p)] for p, _ in t["model"]["vocab"]]),
        lambda t: t.update(pre_tokenizer={"type": "Whitespace"}),
    ],
)
def test_sentencepiece_that_reads_otherwise(model, change):
    folder = model("sentencepiece")
    edit(folder / TOKENIZER, change)
    refused(folder, "splits texts differently from fairseq")


def test_sentencepiece_tokenizers(model):
    folder = model("sentencepiece")
    pieces = folder / "sentencepiece.bpe.model"
    content = pieces.read_bytes()
    pieces.unlink()
    refused(folder, "has a SentencePiece tokenizer without its model", MissingFileError)
    pieces.write_bytes(b"no model")
    refused(folder, "is not a SentencePiece model")
    pieces.write_bytes(content)
    edit(folder / TOKENIZER, lambda t: t["model"]["vocab"][500].__setitem__(0, "▁elsewhere"))
    refused(folder, "have different vocabularies: only the first has ▁elsewhere")
    (folder / TOKENIZER).unlink()
    pieces.unlink()
    refused(folder, "no tokenizer in", MissingFileError)
    (folder / "vocab.txt").write_text("[PAD]\n[CLS]\n", encoding="utf-8")
    refused(folder, "vocab.txt is a WordPiece tokenizer like BERT's")


def test_sentencepiece_models_that_fast_tokenizers_read_otherwise(tmp_path, texts):
    import sentencepiece

    from cline_fairseq.convert.sentence_pieces import read_model

    for name, options, message in (
        ("bpe", {"model_type": "bpe"}, "of type bpe, and must be of type unigram"),
        ("own", {"user_defined_symbols": ["<x>"]}, "user-defined or stand for bytes"),
        ("suffix", {"treat_whitespace_as_suffix": True}, "other white space settings"),
        ("across", {"split_by_whitespace": False}, "other white space settings"),
        ("spaces", {"remove_extra_whitespaces": False}, "other white space settings"),
    ):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_prefix=str(tmp_path / name),
            vocab_size=300,
            minloglevel=2,
            **options,
        )
        with pytest.raises(InputError, match=message):
            read_model(tmp_path / f"{name}.model")


def test_models_that_hugging_face_has_not(sources, tmp_path):
    loaded = sources["gpt2"].load()
    args = loaded.model.args
    args.activation_fn = "relu"
    with pytest.raises(InputError, match="activation function is 'relu'"):
        export_hf(loaded, tmp_path / "out")
    args.activation_fn, args.encoder_normalize_before = "gelu", True
    with pytest.raises(InputError, match="--encoder-normalize-before"):
        to_hf_config(args, 10)
    classifier = sources["MNLI"].load()
    classifier.model.args.pooler_activation_fn = "relu"
    with pytest.raises(InputError, match="--pooler-activation-fn"):
        export_hf(classifier, tmp_path / "out")
    classifier.model.args.pooler_activation_fn = "tanh"
    classifier.task.cfg.separator_token = None
    with pytest.raises(InputError, match="--separator-token"):
        export_hf(classifier, tmp_path / "out")
    with pytest.raises(InputError, match="the checkpoint has no RTD head"):
        export_hf(sources["roberta"].load(), tmp_path / "out", rtd_head=True)
    assert not any(tmp_path.iterdir())


def test_dictionaries_that_lack_pieces(sources, tmp_path):
    loaded = sources["sentencepiece"].load()
    symbols = loaded.model.encoder.dictionary.symbols
    symbols[10:50] = [f"else{i}where" for i in range(40)]
    with pytest.raises(InputError, match="the dictionary does not fit the tokenizer: 40 of the"):
        export_hf(loaded, tmp_path / "out")
    loaded = sources["gpt2"].load()
    symbols = loaded.model.encoder.dictionary.symbols
    symbols[symbols.index("300")] = "elsewhere"
    with pytest.raises(InputError, match="the dictionary lacks 1 tokens of the BPE"):
        export_hf(loaded, tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_nothing_is_overwritten(exported, sources, tmp_path):
    (tmp_path / "kept").write_text("mine", encoding="utf-8")
    for write in (
        lambda: import_hf(exported["gpt2"][0], tmp_path),
        lambda: export_hf(exported["gpt2"][1], tmp_path),
        lambda: export_roberta(exported["gpt2"][1], tmp_path),
    ):
        with pytest.raises(InputError, match="already exists: choose a new folder"):
            write()
    with pytest.raises(InputError, match="cannot create"):
        import_hf(exported["gpt2"][0], tmp_path / "kept" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_names_of_the_hub(monkeypatch, tmp_path):
    import huggingface_hub

    asked = []

    def download(name, allow_patterns):
        asked.append((name, tuple(allow_patterns)))
        if name != "me/model":
            raise huggingface_hub.errors.LocalEntryNotFoundError("no network")
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert model_folder(str(tmp_path)) == tmp_path
    assert not asked
    assert model_folder("me/model") == tmp_path
    assert "*.safetensors" in asked[0][1]
    assert asked[1] == ("me/model", ("pytorch_model*.bin",))
    (tmp_path / WEIGHTS).touch()
    model_folder("me/model")
    assert len(asked) == 3  # no pickle where there are safetensors
    for name in ("me/gone", "x" * 300):
        with pytest.raises(MissingFileError, match="no model of that name could be downloaded"):
            model_folder(name)
