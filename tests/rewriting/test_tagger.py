import numpy as np
import pytest
from helpers import run

from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Tagger, split_words
from cline_fairseq.rewriting.tagger import SINGLES, WINDOW, feature_rows, pad, pair_rows
from cline_fairseq.rewriting.tags import TAGS, fold_tag


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


def test_sums_equal_a_plain_loop(tagger, texts):
    """The sums by word type and the gathers of pairs give what adding up all features gives."""
    words = split_words(texts[3])[:40]
    names = ["", *dict.fromkeys(words)]
    ids = pad([np.array([names.index(word) for word in words])])
    size = len(tagger.weights)
    rows, keys = feature_rows(names, size)
    pairs = pair_rows(keys, ids, size)
    for i, tag in enumerate(tagger.tag(words)):
        scores = np.zeros(len(TAGS), int)
        for feature, (offset, _) in enumerate(SINGLES):
            scores += tagger.weights[rows[ids[i + WINDOW + offset], feature]]
        for pair in pairs:
            scores += tagger.weights[pair[i]]
        assert TAGS[scores.argmax()] == tag


def test_a_text_alone_and_in_company(tagger, texts):
    words = [split_words(text) for text in texts[:20]]
    names = ["", *dict.fromkeys(word for text in words for word in text)]
    index = {name: i for i, name in enumerate(names)}
    ids = pad([np.array([index[word] for word in text]) for text in words])
    together = tagger.tag_ids(tagger.types(names), ids)
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
        *("scripts/train_tagger.py", "--train", tmp_path / "train.tagged", "--bits", 14),
        *("--valid", tmp_path / "valid.tagged", "--output", output, "--batch-size", 512),
        *("--epochs", 4),
    )
    agreement = float(result.stdout.split("agreement ")[1].split(" %")[0])
    assert agreement > 85
    assert Tagger.load(output).weights.shape == (1 << 14, len(TAGS))
    again = run(
        *("scripts/train_tagger.py", "--evaluate", tmp_path / "valid.tagged", "--tagger", output)
    )
    assert f"agreement {agreement:.2f} %" in again.stdout


def test_bad_files(tmp_path):
    path = tmp_path / "tagger.npz"
    np.savez(path, format=np.int32(1), weights=np.zeros((4, 3), np.int8))
    with pytest.raises(InputError, match="holds no tagger of this version"):
        Tagger.load(path)
    path.write_text("no archive")
    with pytest.raises(InputError, match="is not a tagger"):
        Tagger.load(path)
    bad = tmp_path / "bad.tagged"
    bad.write_text("The/DT dog barks/VBZ\n")
    result = run("scripts/train_tagger.py", "--evaluate", bad, "--tagger", "en", check=False)
    assert result.returncode != 0
    assert f"{bad}, line 1: expected word/TAG pairs" in result.stderr
