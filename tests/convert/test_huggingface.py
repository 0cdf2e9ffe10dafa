"""Models of both sides give the same, and what goes out and in again is what it was."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import Dictionary, encoders
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceProcessor
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

import cline_fairseq
from cline_fairseq.evaluation import Predictor

ENCODERS = ["sentencepiece", "gpt2", "filled dictionary", "untied", "roberta"]
ODD_TEXTS = [
    "",
    "  two  spaces, and “curly quotes” — don’t!  ",
    "naïve café Ångström 犬が好き 🙂🙂 e\u0301",
    "ﬁne ① ｆｕｌｌ\u00a0width\tand tabs",
    "x" * 200,
]


def padded(tokens):
    return torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(row) for row in tokens], batch_first=True, padding_value=1
    )


def of_fairseq(loaded, texts):
    """The ids of texts as fairseq's own tokenizer and dictionary give them."""
    bpe = encoders.build_bpe(OmegaConf.create(loaded.tokenizer.config))
    dictionary = loaded.task.source_dictionary
    options = {"append_eos": False, "add_if_not_exist": False}
    return [
        dictionary.encode_line(f"<s> {bpe.encode(text)} </s>", **options).tolist() for text in texts
    ]


def likelihood(loaded, ids):
    """The log-likelihood of SentencePiece's pieces, special tokens aside."""
    model = SentencePieceProcessor(model_file=loaded.tokenizer.config["sentencepiece_model"])
    symbols = [loaded.task.source_dictionary[i] for i in ids[1:-1]]
    return sum(model.get_score(model.piece_to_id(symbol)) for symbol in symbols)


def test_everybody_may_read_the_files(exported):
    """safetensors would let the owner alone."""
    files = filter(Path.is_file, exported["gpt2"][0].rglob("*"))
    modes = {path.stat().st_mode & 0o777 for path in files}
    assert len(modes) == 1


@pytest.mark.parametrize("name", ENCODERS)
def test_token_ids_are_fairseqs(exported, texts, name):
    folder, loaded = exported[name]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = [*texts, *ODD_TEXTS]
    expected = of_fairseq(loaded, lines)
    found = tokenizer(lines)["input_ids"]
    different = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
    if name == "gpt2" or name == "filled dictionary":
        assert not different
    assert len(different) <= len(lines) // 500
    for pair in different:  # splits that are equally likely
        first, second = (likelihood(loaded, ids) for ids in pair)
        assert first == pytest.approx(second, abs=1e-3)
        assert tokenizer.decode(pair[0]) == tokenizer.decode(pair[1])
    assert any(len(set(row)) > 20 for row in expected)
    dictionary = loaded.model.encoder.dictionary
    assert len(tokenizer) == len(dictionary)
    assert tokenizer.mask_token_id == dictionary.index("<mask>")
    pair = tokenizer(texts[0], texts[1])["input_ids"]
    assert pair == [*expected[0], 2, *expected[1][1:]]
    short = tokenizer(" ".join(texts), truncation=True)["input_ids"]
    assert len(short) == loaded.model.max_positions()


@pytest.mark.parametrize("name", ENCODERS)
def test_hidden_states_and_logits_are_the_same(exported, texts, name):
    folder, loaded = exported[name]
    limit = loaded.model.max_positions()
    rows = [np.array(ids)[:limit] for ids in of_fairseq(loaded, texts[:5])]
    rows.append(np.concatenate([row[1:-1] for row in rows * 20])[: limit - 2])
    rows[-1] = np.concatenate([[0], rows[-1], [2]])  # a text of the greatest length
    tokens = padded(rows)
    assert tokens.shape[1] == limit
    real = tokens.ne(1)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.no_grad():
        theirs = model(tokens, attention_mask=real.long(), output_hidden_states=True)
        ours, extra = loaded.model(tokens, return_all_hiddens=True)
    states = [state.transpose(0, 1) for state in extra["inner_states"]]
    for state, other in zip(states, theirs.hidden_states, strict=True):
        torch.testing.assert_close(state[real], other[real], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours[real], theirs.logits[real], atol=1e-5, rtol=1e-5)
    bare = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.no_grad():
        last = bare(tokens, attention_mask=real.long()).last_hidden_state
    torch.testing.assert_close(states[-1][real], last[real], atol=1e-5, rtol=1e-5)


def test_classifiers_give_the_same_probabilities_by_name(sources, exported, texts):
    folder, _ = exported["MNLI"]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pairs = [(a[:150], b[:150]) for a, b in zip(texts[:12], texts[12:24], strict=True)]
    source = sources["MNLI"]
    files = {k: v for k, v in vars(source.tokenizer).items() if v is not None}
    predictor = Predictor.from_checkpoint(source.path, source.data, **files)
    expected = predictor.predict_proba(pairs)
    batch = tokenizer(
        [a for a, _ in pairs], [b for _, b in pairs], padding=True, return_tensors="pt"
    )
    with torch.no_grad():
        found = model(**batch).logits.softmax(1).numpy()
    assert batch["attention_mask"].min() == 0
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [model.config.id2label[i] for i in range(3)] == predictor.labels
    assert set(predictor.labels) == {"contradiction", "entailment", "neutral"}
    assert model.config.label2id[predictor.labels[2]] == 2
    assert found.std(0).min() > 0.01


def test_regressions_give_the_same_numbers(sources, exported, texts):
    folder, _ = exported["STS-B"]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    source = sources["STS-B"]
    files = {k: v for k, v in vars(source.tokenizer).items() if v is not None}
    predictor = Predictor.from_checkpoint(source.path, source.data, **files)
    pair = (texts[0][:100], texts[1][:100])
    with torch.no_grad():
        found = model(**tokenizer(*pair, return_tensors="pt")).logits
    assert found.shape == (1, 1)
    assert model.config.problem_type == "regression"
    np.testing.assert_allclose(found[0], predictor.predict([pair]), atol=1e-5)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_goes_out_comes_in_again(sources, exported, imported, name):
    folder = imported / name
    before = torch.load(sources[name].path)["model"]
    after = torch.load(folder / "model.pt")["model"]
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    dictionary = Dictionary.load(str(folder / "dict.txt"))
    original = exported[name][1].model.encoder.dictionary
    dictionary.add_symbol("<mask>")
    assert dictionary.symbols == original.symbols
    assert ("rtd_head" in str(after.keys())) == (name != "roberta")


@pytest.mark.parametrize("name", ["sentencepiece", "gpt2"])
def test_the_tokenizer_comes_in_again(sources, imported, name):
    files = vars(sources[name].tokenizer)
    names = {
        "sentencepiece_model": "sentencepiece.bpe.model",
        "gpt2_encoder_json": "encoder.json",
        "gpt2_vocab_bpe": "vocab.bpe",
    }
    for option, file in names.items():
        if files[option] is None:
            continue
        with open(files[option], "rb") as original, open(imported / name / file, "rb") as found:
            content = (original.read(), found.read())
        if file == "encoder.json":
            content = tuple(map(json.loads, content))
        assert content[0] == content[1]


def test_bare_files_of_slow_tokenizers_will_do(exported, tmp_path):
    from cline_fairseq.convert.hf_tokenizers import read_tokenizer

    folder, _ = exported["gpt2"]
    fast = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = fast["model"]["vocab"] | {t["content"]: t["id"] for t in fast["added_tokens"]}
    pairs = [pair if isinstance(pair, str) else " ".join(pair) for pair in fast["model"]["merges"]]
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *pairs]) + "\n"
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    assert read_tokenizer(tmp_path) == read_tokenizer(folder)
    model = (exported["sentencepiece"][0] / "sentencepiece.bpe.model").read_bytes()
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    (pieces / "sentencepiece.bpe.model").write_bytes(model)
    symbols = read_tokenizer(pieces).symbols
    assert symbols == read_tokenizer(exported["sentencepiece"][0]).symbols


@pytest.mark.parametrize("name", ["sentencepiece", "gpt2"])
def test_first_versions_do_not_name_the_kind_of_tokenizer(exported, tmp_path, name):
    from cline_fairseq.convert.hf_tokenizers import read_tokenizer

    folder = shutil.copytree(exported[name][0], tmp_path / name)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    del tokenizer["model"]["type"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    assert read_tokenizer(folder)[:2] == read_tokenizer(exported[name][0])[:2]


@pytest.mark.parametrize("rule", ["identity", "nfkc", "nmt_nfkc_cf"])
def test_rules_of_normalization(tmp_path, texts, rule):
    import sentencepiece

    from cline_fairseq.convert.sentence_pieces import to_hf

    prefix = str(tmp_path / rule)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=prefix,
        vocab_size=1000,
        normalization_rule_name=rule,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *map(model.id_to_piece, range(3, 1000)), "<mask>"]
    tokenizer = to_hf(tmp_path / f"{rule}.model", symbols)
    for text in [*texts[:100], *ODD_TEXTS[:3], "\tfoo bar\u00a0", "a\u3000b \t c"]:
        expected = [3 if i == model.unk_id() else i + 1 for i in model.encode(text)]
        assert tokenizer.encode(text).ids == expected


def test_the_sentence_vector_comes_in_again(sources, tmp_path):
    from cline_fairseq.convert.export_hf import export_hf
    from cline_fairseq.convert.import_hf import import_hf
    from cline_fairseq.convert.roberta import export_roberta
    from cline_fairseq.models.cline import ClineModel

    loaded = sources["gpt2"].load()
    loaded.model.args.sentence_vector = "mean"
    export_hf(loaded, tmp_path / "hf", rtd_head=True)
    import_hf(tmp_path / "hf", tmp_path / "in")
    export_roberta(loaded, tmp_path / "roberta")
    for name in ("in", "roberta"):
        model = ClineModel.from_pretrained(tmp_path / name).model
        assert model.args.sentence_vector == "mean"


def test_half_precision_stays_half(exported, imported, tmp_path):
    """But for positions to which token types are added, which would lose by it."""
    from cline_fairseq.convert.import_hf import import_hf

    folder = shutil.copytree(exported["gpt2"][0], tmp_path / "in")
    tensors = {k: v.half() for k, v in load_file(folder / "model.safetensors").items()}
    types = tensors["roberta.embeddings.token_type_embeddings.weight"]
    types[0, 0] = 0.001
    save_file(tensors, folder / "model.safetensors")
    import_hf(folder, tmp_path / "out")
    found = torch.load(tmp_path / "out" / "model.pt")["model"]
    expected = torch.load(imported / "gpt2" / "model.pt")["model"]
    positions = "encoder.sentence_encoder.embed_positions.weight"
    for name in expected:
        if name != positions and not name.endswith("version") and "rtd_head" not in name:
            assert torch.equal(found[name], expected[name].half())
    row = expected[positions][2].half().float()
    assert found[positions][2, 0] == row[0] + types[0, 0].float()
    assert found[positions][1, 0] == expected[positions][1, 0].half()  # padding


def test_models_without_an_lm_head_get_one(exported, tmp_path):
    """A classifier: its heads are left out."""
    from cline_fairseq.convert.import_hf import import_hf

    folder, loaded = exported["MNLI"]
    found = import_hf(folder, tmp_path / "out")
    assert any("classifier.dense.bias" in note for note in found.notes)
    assert any("no LM head" in note for note in found.notes)
    weights = torch.load(tmp_path / "out" / "model.pt")["model"]
    tied = weights["encoder.lm_head.weight"]
    assert torch.equal(tied, loaded.model.state_dict()["encoder.lm_head.weight"])
    assert 0.01 < weights["encoder.lm_head.dense.weight"].std() < 0.03
    (model,), _, _ = checkpoint_utils.load_model_ensemble_and_task(
        [str(tmp_path / "out" / "model.pt")], {"data": str(tmp_path / "out")}
    )
    assert not model.classification_heads


def test_the_embedding_of_token_types_is_kept(exported, tmp_path, texts):
    """Models that transformers trained have one that is not zero."""
    from cline_fairseq.convert.import_hf import import_hf

    folder, loaded = exported["sentencepiece"]
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    torch.manual_seed(1)
    model.roberta.embeddings.token_type_embeddings.weight.data.normal_()
    shutil.copytree(folder, tmp_path / "in")
    (tmp_path / "in" / "rtd_head.safetensors").unlink()
    model.save_pretrained(tmp_path / "in")
    found = import_hf(tmp_path / "in", tmp_path / "out")
    assert any("token type" in note for note in found.notes)
    (ours,), _, _ = checkpoint_utils.load_model_ensemble_and_task(
        [str(tmp_path / "out" / "model.pt")], {"data": str(tmp_path / "out")}
    )
    tokens = padded(map(np.array, of_fairseq(loaded, texts[:3])))
    real = tokens.ne(1)
    with torch.no_grad():
        theirs = model(tokens, attention_mask=real.long()).logits[real]
        torch.testing.assert_close(ours.eval()(tokens)[0][real], theirs, atol=1e-5, rtol=1e-5)


def test_the_rtd_head_is_that_of_the_model_card(exported, texts):
    """The recipe in the model card, run as it stands."""
    folder, loaded = exported["sentencepiece"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    recipe = card.partition("last hidden states:\n")[2].partition("## Training")[0]
    recipe = recipe.replace('"rtd_head.safetensors"', repr(str(folder / "rtd_head.safetensors")))
    scope = {
        "model": AutoModelForMaskedLM.from_pretrained(folder).eval(),
        "tokenizer": AutoTokenizer.from_pretrained(folder),
        "text": texts[0],
    }
    with torch.no_grad():
        exec("\n".join(line.removeprefix("    ") for line in recipe.splitlines()), scope)
        tokens = torch.tensor(of_fairseq(loaded, texts[:1]))
        features, _ = loaded.model(tokens, features_only=True)
        expected = loaded.model.encoder.rtd_head(features).sigmoid()
    torch.testing.assert_close(scope["replaced"].squeeze(-1), expected, atol=1e-5, rtol=1e-5)
    assert load_file(folder / "rtd_head.safetensors").keys() == {
        *("dense.weight", "dense.bias", "layer_norm.weight", "layer_norm.bias"),
        *("out_proj.weight", "out_proj.bias"),
    }


def test_the_model_card_says_how_the_model_was_trained(exported):
    card = (exported["gpt2"][0] / "README.md").read_text(encoding="utf-8")
    assert f"exported by\ncline_fairseq {cline_fairseq.__version__}." in card
    assert "| synonym_ratio | `0.4` |" in card
    assert "2 layers, 32 wide" in card
    assert "byte-level BPE" in card
    assert str(exported["gpt2"][0].parent.parent) not in card
    assert "`entailment`" in (exported["MNLI"][0] / "README.md").read_text(encoding="utf-8")
