"""The hub interface against fairseq's own, and in batches against one text at a time."""

import numpy as np
import pytest
import torch
from fairseq.models.roberta import RobertaModel

from cline_fairseq.checkpoint import load_model
from cline_fairseq.convert.cline import export_cline
from cline_fairseq.convert.families import family_of
from cline_fairseq.convert.model_card import model_card
from cline_fairseq.data.vocabulary import build_vocabulary
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation import Predictor
from cline_fairseq.models.cline import ClineModel
from tiny_models import save_encoder

SENTENCE = "The mice ran quickly over the better fences, and nobody was happy."
MASKED = ["The mice ran <mask> over the fences.", "<mask> was happy", "Nobody, not even they<mask>"]


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def both(request, imported):
    """Our interface and fairseq's, to the same model."""
    folder = imported / request.param
    files = {"bpe": request.param}
    if request.param == "gpt2":
        files |= {"gpt2_encoder_json": str(folder / "encoder.json")}
        files |= {"gpt2_vocab_bpe": str(folder / "vocab.bpe")}
    stock = RobertaModel.from_pretrained(str(folder), **files)
    return ClineModel.from_pretrained(folder).eval(), stock.eval()


def test_one_text_is_as_in_fairseq(both, texts):
    ours, stock = both
    tokens = ours.encode(SENTENCE)
    assert tokens.tolist() == stock.encode(SENTENCE).tolist()
    assert ours.decode(tokens) == stock.decode(tokens) == SENTENCE
    pair = ours.encode(texts[0], texts[1])
    assert pair.tolist() == stock.encode(texts[0], texts[1]).tolist()
    assert ours.decode(pair) == stock.decode(pair)
    with torch.no_grad():
        torch.testing.assert_close(ours.extract_features(tokens), stock.extract_features(tokens))
    for text in MASKED:
        for found, expected in zip(
            ours.fill_mask(text, topk=4), stock.fill_mask(text, topk=4), strict=True
        ):
            assert (found.text, found.token) == (expected[0], expected[2])
            assert found.probability == pytest.approx(expected[1], abs=1e-5)


def test_batches_are_as_single_texts(both, texts):
    hub, _ = both
    some = [SENTENCE, *texts[:4], ""]
    tokens = hub.encode(some)
    assert tokens.eq(1).any()
    for row, text in zip(tokens, some, strict=True):
        assert row[row != 1].tolist() == hub.encode(text).tolist()
    assert hub.decode(tokens)[0] == SENTENCE
    with torch.no_grad():
        features = hub.extract_features(tokens)
        for row, text in zip(features, some, strict=True):
            single = hub.extract_features(hub.encode(text))[0]
            torch.testing.assert_close(row[: len(single)], single, atol=1e-5, rtol=1e-5)
    for found, text in zip(hub.fill_mask(MASKED, topk=3), MASKED, strict=True):
        for one, other in zip(found, hub.fill_mask(text, topk=3), strict=True):
            assert one[::2] == other[::2]
            assert one.probability == pytest.approx(other.probability, abs=1e-5)
    for found, text in zip(hub.detect_replaced(some), some, strict=True):
        alone = hub.detect_replaced(text)
        assert [word for word, _ in found] == [word for word, _ in alone]
        np.testing.assert_allclose([p for _, p in found], [p for _, p in alone], atol=1e-5)
    similar = hub.similarity(some, list(reversed(some)))
    for i, value in enumerate(similar):
        assert value == pytest.approx(hub.similarity(some[i], some[-1 - i]), abs=1e-5)


def test_detection_is_the_mean_over_the_subwords_of_a_word(both):
    hub, _ = both
    found = hub.detect_replaced(SENTENCE)
    words = SENTENCE.replace(",", " ,").replace(".", " .").split()
    assert [word for word, _ in found] == words
    tokens = hub.encode(SENTENCE)
    with torch.no_grad():
        features, _ = hub.model(tokens[None], features_only=True)
        logits = hub.model.encoder.rtd_head(features)[0, 1:-1]
    vocabulary = build_vocabulary(hub.task.source_dictionary, hub.cfg.bpe)
    left = [
        (vocabulary.pieces[t].decode(), z.sigmoid())
        for t, z in zip(tokens[1:-1], logits, strict=False)
    ]
    for word, probability in found:
        shares, letters = [], ""
        while letters != word:
            piece, share = left.pop(0)
            letters += piece
            shares.append(float(share))
        assert probability == pytest.approx(sum(shares) / len(shares), abs=1e-5)
    assert not left
    assert np.std([p for _, p in found]) > 0.01


def test_similarity_is_that_of_the_sentence_vectors(both):
    hub, _ = both
    a, b = SENTENCE, "Happy people climbed slowly."
    with torch.no_grad():
        first, second = (hub.extract_features(hub.encode(text))[0, 0] for text in (a, b))
    assert hub.similarity(a, b, "dot") == pytest.approx(float(first @ second), rel=1e-5)
    cosine = float(first @ second / first.norm() / second.norm())
    assert hub.similarity(a, b) == pytest.approx(cosine, abs=1e-5)
    assert hub.similarity(a, a) == pytest.approx(1, abs=1e-5)
    hub.model.args.sentence_vector = "mean"
    try:
        with torch.no_grad():
            first, second = (hub.extract_features(hub.encode(text))[0].mean(0) for text in (a, b))
        expected = [float(first @ second), float(second @ second)]
        np.testing.assert_allclose(hub.similarity([a, b], [b, b], "dot"), expected, rtol=1e-4)
    finally:
        hub.model.args.sentence_vector = "cls"


def test_nothing_in_nothing_out(both):
    hub, _ = both
    assert hub.fill_mask([]) == [] == hub.detect_replaced([])
    assert hub.similarity([], []).shape == (0,)
    assert hub.encode([]).shape == (0, 0)


def test_words_are_those_of_the_text(both):
    hub, _ = both
    text = "The 犬 model , naïve <unk"
    assert "".join(word for word, _ in hub.detect_replaced(text)) == text.replace(" ", "")


def test_all_symbols_may_fill_a_mask(both):
    hub, _ = both
    size = len(hub.task.source_dictionary)
    found = hub.fill_mask("The mice ran <mask>.", topk=size)
    assert {"<s>", "<pad>", "</s>", "<unk>"} < {filled.token for filled in found}
    assert sum(filled.probability for filled in found) == pytest.approx(1, abs=1e-4)


def test_a_folder_of_a_run_will_do(sources):
    source = sources["MNLI"]
    hub = ClineModel.from_pretrained(
        source.path.parent,
        source.path.name,
        source.data,
        "sentencepiece",
        sentencepiece_model=source.tokenizer.sentencepiece_model,
    )
    probabilities = hub.eval().predict("glue_task", hub.encode(["a good film"], ["a bad film"]))
    assert probabilities.shape == (1, 3)


@pytest.mark.parametrize("name", ["sentencepiece", "gpt2"])
def test_what_is_exported_is_the_same(sources, exported, tmp_path, texts, name):
    """In a folder of its own, and in one of Hugging Face."""
    source = sources[name]
    loaded = source.load()
    export_cline(loaded, tmp_path / "cline")
    path = tmp_path / "cline" / "model.pt"
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    state, original = torch.load(path, weights_only=True), torch.load(source.path)["model"]
    assert state["model"].keys() == original.keys()
    assert all(torch.equal(state["model"][key], original[key]) for key in original)
    assert state["cfg"]["task"]["_name"] == "cline"
    assert str(source.data) not in str(state["cfg"])
    again = load_model(tmp_path / "cline")
    family = family_of(loaded)
    assert model_card(again, True, family) == model_card(loaded, True, family)

    given = ClineModel.from_pretrained(
        source.path.parent,
        source.path.name,
        source.data,
        **{option: value for option, value in vars(source.tokenizer).items() if value},
    ).eval()
    for folder in (tmp_path / "cline", exported[name][0]):
        hub = ClineModel.from_pretrained(folder).eval()
        for text in (SENTENCE, texts[0]):
            found, expected = hub.detect_replaced(text), given.detect_replaced(text)
            assert [word for word, _ in found] == [word for word, _ in expected]
            np.testing.assert_allclose([p for _, p in found], [p for _, p in expected], atol=1e-5)
        assert hub.fill_mask(MASKED[0])[0].text == given.fill_mask(MASKED[0])[0].text
    with pytest.raises(InputError, match="has its own dictionary and tokenizer"):
        ClineModel.from_pretrained(exported[name][0], bpe="gpt2")


def test_classifiers_are_exported_too(sources, exported, tmp_path):
    source = sources["MNLI"]
    export_cline(source.load(), tmp_path / "mnli")
    found = Predictor.from_checkpoint(tmp_path / "mnli").predict_proba([("a film", "a book")])
    given = Predictor.from_checkpoint(source.path).predict_proba([("a film", "a book")])
    np.testing.assert_allclose(found, given, atol=1e-6)
    with pytest.raises(InputError, match=r"is a Hugging Face classifier: .*export-cline"):
        ClineModel.from_pretrained(exported["MNLI"][0])


def test_an_rtd_head_that_was_never_trained_is_left_out(sources, tmp_path):
    export_cline(sources["roberta"].load(), tmp_path / "out")
    assert not [
        name for name in torch.load(tmp_path / "out" / "model.pt")["model"] if "rtd" in name
    ]
    with pytest.raises(InputError, match="no RTD head"):
        ClineModel.from_pretrained(tmp_path / "out").detect_replaced("a")


def test_the_folder_of_a_run(corpus, tmp_path):
    """The best checkpoint of --save-dir, or the last one, or one that is named."""
    options = ("--bpe", "sentencepiece", "--sentencepiece-model", corpus / "sentencepiece.model")
    for name, seed in (("last", 1), ("best", 2)):
        path = tmp_path / f"checkpoint_{name}.pt"
        seed = ("--seed", seed)
        save_encoder(path, corpus / "bin", "cline", "cline_base", *options, *seed)
        found = ClineModel.from_pretrained(tmp_path).detect_replaced(SENTENCE)
        assert found == ClineModel.from_pretrained(path).detect_replaced(SENTENCE)
    last = ClineModel.from_pretrained(tmp_path, "checkpoint_last.pt").detect_replaced(SENTENCE)
    assert last != found


def test_bad_input(both, imported, tmp_path):
    hub, _ = both
    for text in ("no mask", "<mask> and <mask>"):
        with pytest.raises(InputError, match="must contain <mask> exactly once"):
            hub.fill_mask(text)
    with pytest.raises(InputError, match="topk must be from 1"):
        hub.fill_mask(MASKED, topk=0)
    with pytest.raises(InputError, match="two lists of the same length"):
        hub.similarity(["a"], ["b", "c"])
    for texts in ((["a", "b"], "cd"), (["a", "b"], ["c"]), ("a", ["b"])):
        with pytest.raises(InputError, match="lists of texts of the same length, not both"):
            hub.encode(*texts)
    long = "mice " * 600
    for ask in (lambda: hub.fill_mask(f"{long}<mask>"), lambda: hub.detect_replaced(long)):
        with pytest.raises(InputError, match="the model reads at most 512"):
            ask()
    with pytest.raises(InputError, match="nope is not a SentencePiece model"):
        ClineModel.from_pretrained(imported / "roberta", sentencepiece_model="nope")
    with pytest.raises(InputError, match="unknown tokenizer files: codes"):
        ClineModel.from_pretrained(imported / "roberta", bpe="gpt2", codes="nope")
    with pytest.raises(InputError, match="metric must be one of"):
        hub.similarity("a", "b", "manhattan")
    with pytest.raises(InputError, match="no RTD head"):
        ClineModel.from_pretrained(imported / "roberta").detect_replaced("a")
    with pytest.raises(MissingFileError, match=r"no checkpoint .*nothing"):
        ClineModel.from_pretrained(tmp_path / "nothing")
    with pytest.raises(MissingFileError, match=r"no model\.pt, .* or checkpoint_last\.pt in "):
        ClineModel.from_pretrained(tmp_path)
