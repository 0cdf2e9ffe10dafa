"""Hits against plain loops over the definitions, and the triples that they are of."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation import Predictor, hits
from cline_fairseq.evaluation.bootstrap import Share
from cline_fairseq.evaluation.hits import evaluate_hits, wins, wins_by_layer
from cline_fairseq.evaluation.hits_report import TITLES, hits_table, make_report
from cline_fairseq.evaluation.shared_words import shared_words_share, shared_words_wins
from cline_fairseq.evaluation.similarities import SIMILARITY_FUNCTIONS, TokenVectors
from cline_fairseq.evaluation.triples import Triple, make_triples, read_triples, write_triples
from cline_fairseq.rewriting import Rewriter, split_words
from helpers import SENTENCE, TOKENIZER
from tiny_models import save_encoder


def test_each_similarity_has_a_title():
    assert list(TITLES) == list(SIMILARITY_FUNCTIONS)


def random_texts(seed, rows, width, dim=5):
    """Vectors of texts of random lengths, with NaN at padding; first and last token are special."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, width + 1, rows)
    vectors = rng.normal(size=(rows, width, dim)).astype(np.float32) + 0.3
    places = np.arange(width)
    mask = places < lengths[:, None]
    content = (places > 0) & (places < lengths[:, None] - 1)
    vectors[~mask] = np.nan
    return TokenVectors(*map(torch.from_numpy, (vectors, mask, content)))


def dot(u, v):
    return sum(a * b for a, b in zip(u, v, strict=True))


def cosine(u, v):
    return dot(u, v) / math.sqrt(dot(u, u) * dot(v, v))


def mean(vectors):
    return [sum(column) / len(vectors) for column in zip(*vectors, strict=True)]


def f1(first, second):
    """BERTScore of two lists of vectors, as the paper defines it."""
    recall = sum(max(cosine(u, v) for v in second) for u in first) / len(first)
    precision = sum(max(cosine(u, v) for u in first) for v in second) / len(second)
    return 2 * precision * recall / (precision + recall)


# Of two lists of tokens, special tokens at both ends.
REFERENCES = {
    "cls_dot": lambda a, b: dot(a[0], b[0]),
    "cls_cosine": lambda a, b: cosine(a[0], b[0]),
    "mean_cosine": lambda a, b: cosine(mean(a), mean(b)),
    "bert_score": lambda a, b: f1(a[1:-1], b[1:-1]),
}


def as_lists(texts):
    return [v[m].tolist() for v, m in zip(texts.vectors, texts.mask, strict=True)]


@pytest.mark.parametrize("name", SIMILARITY_FUNCTIONS)
@pytest.mark.parametrize("widths", [(9, 9), (3, 12), (8, 4)])
def test_similarities_are_those_of_plain_loops(name, widths):
    first, second = (random_texts(seed, 20, width) for seed, width in enumerate(widths))
    pairs = zip(as_lists(first), as_lists(second), strict=True)
    expected = [REFERENCES[name](a, b) for a, b in pairs]
    found = SIMILARITY_FUNCTIONS[name](first, second)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_bert_score_of_extremes():
    """Of a text with itself 1; without tokens, or where precision and recall cancel, 0."""
    texts = random_texts(0, 4, 7)
    score = SIMILARITY_FUNCTIONS["bert_score"]
    np.testing.assert_allclose(score(texts, texts), 1, rtol=1e-6)
    empty = texts._replace(content=torch.zeros_like(texts.content))
    assert score(texts, empty).tolist() == score(empty, texts).tolist() == [0] * 4
    one, content = torch.eye(2)[None], torch.tensor([[False, True]])
    assert score(TokenVectors(one, content, content), TokenVectors(-one, content, content)) == -1
    across = TokenVectors(one.flip(1), content, content)
    assert score(TokenVectors(one, content, content), across) == 0


@pytest.mark.parametrize("seed", range(3))
def test_wins_are_those_of_plain_loops(seed):
    triples, layers = 7, 3
    texts = [random_texts(seed, 3 * triples, 8)]
    for i in range(1, layers):
        vectors = random_texts(seed + 10 * i, 3 * triples, 8).vectors.nan_to_num(0.1)
        texts.append(texts[0]._replace(vectors=vectors))
    found = wins_by_layer([t.vectors for t in texts], texts[0].mask, texts[0].content)
    assert found.shape == (triples, layers, len(SIMILARITY_FUNCTIONS))
    for layer in range(layers):
        rows = as_lists(texts[layer])
        for column, name in enumerate(SIMILARITY_FUNCTIONS):
            for i in range(triples):
                to_synonym, to_antonym = (
                    REFERENCES[name](rows[i], rows[i + k * triples]) for k in (1, 2)
                )
                assert found[i, layer, column] == (to_synonym > to_antonym)
    assert 0.1 < found.mean() < 0.9


def test_ties_count_one_half():
    """Rounding makes no winner; the smallest difference beyond it does."""
    to_synonym = torch.tensor([0.5, 0.5, 0.5, -0.5, 0.0, 0.0, 1000.0])
    to_antonym = torch.tensor([0.5, 0.5 + 1e-7, 0.5 - 1e-5, -0.5 - 1e-5, 0.0, 1e-5, 1000.0001])
    assert wins(to_synonym, to_antonym).tolist() == [0.5, 0.5, 1, 1, 0.5, 0, 0.5]
    texts = random_texts(0, 9, 6)
    same = TokenVectors(*(torch.cat([part[:3], part[3:6], part[3:6]]) for part in texts))
    assert (wins_by_layer([same.vectors], same.mask, same.content) == 0.5).all()


@pytest.fixture(scope="module")
def rewriter(lexicon, tagger):
    return Rewriter(lexicon, tagger)


def test_triples_keep_the_text_around_replacements(rewriter, texts):
    sentences = [SENTENCE, "", "And of the . . .", "  (The  mice\tran), \u2028 'quickly'!  "]
    sentences += texts[:300]
    triples, left_out = make_triples(sentences, rewriter)
    assert triples[0].original == SENTENCE
    assert triples[1].original == "(The mice ran), 'quickly'!"
    assert triples[1].synonym.startswith("(The ")
    assert triples[1].synonym.endswith("'!")
    assert left_out >= 1
    assert len(triples) + left_out == len(sentences) - 1  # the blank one
    numbers = {" ".join(text.split()): i for i, text in enumerate(sentences)}
    for triple in triples:
        words = split_words(triple.original)
        expected = rewriter.rewrite(words, 1, numbers[triple.original])
        for view in ("synonym", "antonym"):
            assert getattr(triple, view).split() != triple.original.split()
            written = "".join(getattr(triple, view).split())
            letters = "".join(split_words(" ".join(getattr(expected, view)).replace(" ", "")))
            assert written == letters


def test_triples_are_the_same_again(lexicon, tagger, texts, rewriter):
    """And do not depend on what else is rewritten, but on the seed."""
    again, _ = make_triples(texts[:50], Rewriter(lexicon, tagger))
    first, _ = make_triples(texts[:300], rewriter)
    assert again == first[: len(again)]
    assert len(again) > 30
    other, _ = make_triples(texts[:50], Rewriter(lexicon, tagger, seed=2))
    assert other != again


def test_counting_shared_words(lexicon, tagger, texts, rewriter):
    """Near half of the triples with equal numbers of edits, and fewer with more synonyms.

    With the paper's shares both views replace a fifth of the words, since words with doubtful
    synonyms stay: counting is no longer wrong for most triples, but says nothing either.
    """
    triples = [
        Triple("The cat saw the dog.", "The cat saw the hound.", "the cat saw a mouse"),
        Triple("a b", "a c", "c b"),
        Triple("a a b", "a c b", "a a c"),
        Triple("a b", "c d", "a d"),
    ]
    assert shared_words_wins(triples).tolist() == [1, 0.5, 0.5, 0]
    fewer, _ = make_triples(texts[:300], Rewriter(lexicon, tagger, antonym_ratio=0.05))
    matched, _ = make_triples(texts[:300], Rewriter(lexicon, tagger, match_edits=True))
    assert shared_words_share(fewer, 100).value < 0.15
    assert shared_words_share(matched, 100).value == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ["triples.tsv", "triples.jsonl"])
def test_triples_are_read_as_written(tmp_path, rewriter, texts, name):
    triples, _ = make_triples(['"Quickly," the \u201cmice\u201d ran.', *texts[:20]], rewriter)
    write_triples(tmp_path / name, triples)
    assert read_triples(tmp_path / name) == triples
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["triples.tsv", "triples.jsonl"])
def test_triples_that_look_like_formulas(tmp_path, name):
    """Spreadsheets do not run them, and they are read as they were."""
    triples = [Triple("=1+1", "- a", "@a"), Triple("'=1", "'a'", '"=1"'), Triple("a", "b", "c")]
    write_triples(tmp_path / name, triples)
    assert read_triples(tmp_path / name) == triples
    if name == "triples.tsv":
        with (tmp_path / name).open(newline="") as file:
            cells = [cell for row in csv.reader(file, "excel-tab") for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", b"", "contains no triples"),
        ("a.tsv", b"original\tsynonym\tantonym\n", "contains no triples"),
        ("a.tsv", b"original\tsynonym\na\tb\n", "line 2: no text 'antonym' among 'original', 'syn"),
        ("a.tsv", b"original\tsynonym\tantonym\na\tb\n", "line 2: expected 3 tab-separated fields"),
        ("a.tsv", b"original\tsynonym\tantonym\na\t \tc\n", "line 2: the synonym is empty"),
        ("a.tsv", b"original\tsynonym\tantonym\na\tb\t\xff\n", "is not UTF-8 text"),
        ("a.jsonl", b"{}\n", "line 1: no text 'original'"),
        ("a.jsonl", b'{"original": "a", "synonym": 7}\n', "line 1: no text 'synonym'"),
        ("a.jsonl", b"\n[\n", "line 2: not JSON"),
        ("a.jsonl", b"\n", "contains no triples"),
    ],
)
def test_bad_triples(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_triples(path)
    with pytest.raises(MissingFileError, match="no file nowhere"):
        read_triples(Path("nowhere.tsv"))


def test_columns_in_any_order(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\xef\xbb\xbfid\tantonym\tsynonym\toriginal\r\n7\tc\tb\t a \r\n\r\n")
    assert read_triples(path) == [("a", "b", "c")]
    path.write_bytes(b'original\tsynonym\tantonym\n"a" b\t"c\td\n')
    assert read_triples(path, "none") == [('"a" b', '"c', "d")]


@pytest.fixture(scope="module")
def predictors(corpus, tmp_path_factory):
    """One model, twice: with small batches, and with large ones."""
    folder = tmp_path_factory.mktemp("model")
    path = save_encoder(folder / "encoder.pt", corpus / "bin")
    options = {"bpe": "sentencepiece", "sentencepiece_model": corpus / TOKENIZER}
    return [
        Predictor.from_checkpoint(path, corpus / "bin", max_tokens=n, **options)
        for n in (100, 8192)
    ]


def test_hits_encode_a_window_at_a_time(predictors, rewriter, texts, monkeypatch):
    triples, _ = make_triples(texts[:20], rewriter)
    whole = evaluate_hits(predictors[1], triples)
    sizes = []
    encode = predictors[1].encode
    monkeypatch.setattr(hits, "WINDOW", 3)
    monkeypatch.setattr(
        predictors[1], "encode", lambda texts: sizes.append(len(texts)) or encode(texts)
    )
    np.testing.assert_array_equal(evaluate_hits(predictors[1], triples), whole)
    assert max(sizes) == 9
    assert sum(sizes) == 3 * len(triples)


def test_hits_of_a_model(predictors, rewriter, texts):
    """Against triples one by one, layer by layer, in the order of the triples."""
    triples, _ = make_triples(sorted(texts[:60], key=len)[:15], rewriter)
    triples.reverse()
    long = "the " * 150  # the replacement is cut off
    triples.insert(1, Triple(long + "mouse", long + "rodent", long + "cat"))
    done = []
    found = evaluate_hits(predictors[0], triples, 300, done.append)
    assert sum(done) == len(triples)
    assert len(done) > 1
    assert (found == evaluate_hits(predictors[1], triples)).all()
    assert (found[1] == 0.5).all()
    names = list(SIMILARITY_FUNCTIONS)
    assert (found[:, 0, [names.index("cls_dot"), names.index("cls_cosine")]] == 0.5).all()
    for i, triple in enumerate(triples):
        if i == 1:
            continue
        states = {}
        for view, text in enumerate(triple):
            (batch,) = predictors[1].hidden_states([text])
            states[view] = [layer[0].tolist() for layer in batch.layers]
        for layer in range(3):
            for column, name in enumerate(names):
                if layer == 0 and name.startswith("cls"):
                    continue
                original, *views = (states[view][layer] for view in range(3))
                near, far = (REFERENCES[name](original, view) for view in views)
                if abs(near - far) > 1e-4 * abs(near):  # floats cannot tell closer ones
                    assert found[i, layer, column] == (near > far)


def test_report():
    rng = np.random.default_rng(0)
    first, second = (rng.choice([0, 0.5, 1], (40, n, 4), p=[0.3, 0.1, 0.6]) for n in (3, 2))
    reports = [make_report("a", first, 500), make_report("b", second, 500)]
    for report, values in zip(reports, (first, second), strict=True):
        np.testing.assert_allclose(report.hits[..., 0], values.mean(0))
        assert (report.hits[..., 1] <= report.hits[..., 0]).all()
        assert (report.hits[..., 0] <= report.hits[..., 2]).all()
        entry = report.as_dict()["mean_cosine"]
        shares = [layer["value"] for layer in entry["layers"]]
        assert shares == report.hits[:, 2, 0].tolist()
        assert shares[entry["best_layer"]] == max(shares)
    lines = hits_table(reports, Share(0.5, 0.4, 0.625)).splitlines()
    assert lines[0] == "| similarity | layer | a | b |"
    value, low, high = 100 * reports[0].hits[1, 0]
    assert f"| CLS, dot product | 1 | {value:.1f} ({low:.1f} to {high:.1f}) |" in lines[3]
    assert lines[4].endswith("|  |")  # b has no such layer
    assert len(lines) == 2 + 4 * (3 + 1) + 1
    cell = "50.0 (40.0 to 62.5)"
    assert lines[-1] == f"| number of shared words | | {cell} | {cell} |"
