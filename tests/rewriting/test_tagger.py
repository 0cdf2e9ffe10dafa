import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Tagger, split_words
from cline_fairseq.rewriting.tagger import FEATURES, MAX_ACTIVATION, WINDOW, feature_keys, pad
from cline_fairseq.rewriting.tags import TAGS, fold_tag
from programs import run


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("The mice ran quickly .", "O NNS VBD RB O"),
        ("She has written three better books in London .", "O VBZ VBN O JJR NNS O NNP O"),
        ("the oldest men are going to eat", "O JJS NNS VB VBG O VB"),
    ],
)
def test_plain_sentences(tagger, text, tags):
    assert tagger.tag(text.split()) == tags.split()


def test_tags_equal_a_plain_loop(tagger, texts):
    """Tables by word type, gathers and floats give what plain loops over Python integers give."""
    p = {name: array.tolist() for name, array in tagger.parameters.items()}
    vector_of = dict(zip(p["features"], p["vectors"], strict=True))
    width, hidden = len(p["vectors"][0]), len(p["first_bias"])

    def dropped(x, bits):
        return (x + (1 << bits >> 1)) >> bits

    def active(x):
        return min(max(x, 0), MAX_ACTIVATION)

    words = split_words(texts[3])[:25]
    padded = [""] * WINDOW + words + [""] * WINDOW
    vectors = [
        [sum(vector_of[k][d] for k in keys if k in vector_of) for d in range(width)]
        for keys in feature_keys(padded).tolist()
    ]
    for i, tag in enumerate(tagger.tag(words)):
        h1, h2, scores = p["first_bias"][:], p["second_bias"][:], p["output_bias"][:]
        for offset in range(5):
            for unit in range(hidden):
                products = zip(vectors[i + offset], p["first"][offset], strict=True)
                total = sum(v * row[unit] for v, row in products)
                h1[unit] += dropped(total, p["shifts"][0])
        for unit in range(len(h2)):
            h2[unit] += sum(active(x) * p["second"][j][unit] for j, x in enumerate(h1))
        for t in range(len(TAGS)):
            scores[t] += sum(
                active(dropped(x, p["shifts"][1])) * p["output"][j][t] for j, x in enumerate(h2)
            )
        assert TAGS[int(np.argmax(scores))] == tag


def test_sums_fit_their_types(tagger):
    """The greatest sums that can occur: floats hold them exactly, and int16 those of five rows."""
    p = {name: np.abs(array.astype(np.int64)) for name, array in tagger.parameters.items()}
    for layer in ("second", "output"):
        assert (MAX_ACTIVATION * p[layer].sum(0) + p[f"{layer}_bias"]).max() < 2**24
    assert len(FEATURES) * 127 * p["first"].sum(axis=1).max() < 2**53
    assert 5 * 6000 + p["first_bias"].max() < 2**15


def test_a_text_alone_and_in_company(tagger, texts):
    words = [split_words(text) for text in texts[:20]]
    names = ["", *dict.fromkeys(word for text in words for word in text)]
    index = {name: i for i, name in enumerate(names)}
    ids = pad([np.array([index[word] for word in text]) for text in words])
    together = tagger.tag_ids(tagger.word_features(names), ids)
    start = WINDOW
    for text in words:
        found = together[start : start + len(text)]
        assert [TAGS[tag] for tag in found] == tagger.tag(text)
        start += len(text) + WINDOW


def test_empty_and_odd_texts(tagger):
    assert tagger.tag([]) == []
    assert len(tagger.tag(["", "🙂", "x" * 1000, "\x00"])) == 4


@pytest.mark.parametrize(
    ("penn", "ours"), [("VBP", "VB"), ("NNPS", "NNP"), ("DT", "O"), ("MD", "O"), ("JJS", "JJS")]
)
def test_fold_tag(penn, ours):
    assert fold_tag(penn) == ours


def test_train_save_and_evaluate(tmp_path, tagger, texts):
    """A tagger trained on the output of the shipped one agrees with it on other text."""
    lines = []
    for text in texts:
        words = split_words(text)
        tagged = zip(words, tagger.tag(words), strict=True)
        lines.append(" ".join(f"{word}/{tag}" for word, tag in tagged))
    held_out = len(lines) // 5
    (tmp_path / "valid.tagged").write_text("\n".join(lines[:held_out]))
    (tmp_path / "train.tagged").write_text("\n".join(lines[held_out:]))
    output = tmp_path / "tagger.npz"
    result = run(
        *("scripts/train_tagger.py", "--train", tmp_path / "train.tagged", "--epochs", 30),
        *("--valid", tmp_path / "valid.tagged", "--output", output, "--batch-size", 512),
        *("--width", 16, "--hidden", 24, 16, "--min-count", 2),
    )
    changed = float(result.stdout.split("rounding changes the tags of ")[1].split(" %")[0])
    assert changed < 0.5
    agreement = float(result.stdout.split("agreement ")[1].split(" %")[0])
    assert agreement > 90
    parameters = Tagger.load(output).parameters
    assert parameters["first"].shape == (5, 16, 24)
    features = parameters["features"].astype(np.int64)
    assert (np.diff(features) > 0).all()
    again = run(
        *("scripts/train_tagger.py", "--evaluate", tmp_path / "valid.tagged", "--tagger", output)
    )
    assert f"agreement {agreement:.2f} %" in again.stdout


def test_evaluation_shows_how_nouns_and_verbs_are_mistaken(tmp_path):
    gold = "the/DT dog/NN barks/VBZ loudly/RB ./.\n"
    for text, noun in ((gold, "100.00 %"), (gold.replace("barks/VBZ", "barks/NNS"), "50.00 %")):
        (tmp_path / "gold.tagged").write_text(text)
        output = run("scripts/train_tagger.py", "--evaluate", tmp_path / "gold.tagged").stdout
        header, _, *rows = output.split("| tagged as")[1].splitlines()
        shares = {row.split(" | ")[0].strip("| "): row.strip("| ").split(" | ") for row in rows[:5]}
        names = ["", *header.strip("| ").split(" | ")]
        assert shares["NOUN"][names.index("NOUN")] == noun
        as_verbs = float(shares["NOUN"][names.index("VERB")].split()[0])
        assert as_verbs == 100 - float(noun.split()[0])


def test_bad_files(tmp_path, tagger):
    path = tmp_path / "tagger.npz"
    for parameters in (
        {"format": np.int32(1), "weights": np.zeros((4, 3), np.int8)},
        {"format": np.int32(2), **tagger.parameters, "output": np.zeros((32, 3), np.int8)},
        {"format": np.int32(2), **tagger.parameters, "vectors": np.zeros(5, np.int8)},
    ):
        np.savez(path, **parameters)
        with pytest.raises(InputError, match="is not a tagger of this version"):
            Tagger.load(path)
    path.write_text("no archive")
    with pytest.raises(InputError, match="is not a tagger"):
        Tagger.load(path)
    bad = tmp_path / "bad.tagged"
    bad.write_text("The/DT dog barks/VBZ\n")
    result = run("scripts/train_tagger.py", "--evaluate", bad, "--tagger", "en", check=False)
    assert result.returncode != 0
    assert f"{bad}, line 1: expected word/TAG pairs" in result.stderr
