"""Sentence similarity against scipy, the predictor's own vectors and plain loops."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cline_fairseq.cli.evaluate_similarity import main
from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.evaluation import Predictor
from cline_fairseq.evaluation.geometry import uniformity, unit
from cline_fairseq.evaluation.sentence_pairs import (
    ScoredPair,
    ranks,
    read_scored_pairs,
    spearman,
)
from cline_fairseq.evaluation.sentence_similarity import pair_vectors
from cline_fairseq.evaluation.sentence_similarity_report import (
    make_similarity_report,
    similarity_tables,
)
from helpers import TOKENIZER
from tiny_models import save_encoder

COLUMNS = ("sentence1", "sentence2", "score")


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1, 1)), min_size=3, max_size=30))
@settings(deadline=None, max_examples=60)
def test_ranks_and_correlation_are_scipys(rows):
    one, other = np.array(rows, float).T
    np.testing.assert_array_equal(ranks(one), stats.rankdata(one) - 1)
    if len(set(one)) > 1 and len(set(other)) > 1:
        assert spearman(one, other) == pytest.approx(stats.spearmanr(one, other)[0])
    else:
        assert math.isnan(spearman(one, other))


@pytest.fixture(scope="module")
def checkpoints(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    pieces = ("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER)
    return [
        save_encoder(folder / "a.pt", corpus / "bin", "cline", "cline_base", *pieces),
        save_encoder(folder / "b.pt", corpus / "bin", "masked_lm", "roberta_base", *pieces),
    ]


@pytest.fixture(scope="module")
def pairs(texts):
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 11, 24) / 2
    return [
        ScoredPair(texts[i][:80], texts[i + 1][: 40 + 3 * i], score)
        for i, score in enumerate(scores.tolist())
    ]


def test_figures_are_those_of_loops(checkpoints, pairs, monkeypatch):
    predictor = Predictor.from_checkpoint(checkpoints[0])
    cosines, last = pair_vectors(predictor, pairs)
    first, second = [p.first for p in pairs], [p.second for p in pairs]
    scores = [p.score for p in pairs]
    report = make_similarity_report("m", pairs, cosines, last, 4.0, 200)
    for layer in range(3):
        for i, pool in enumerate(("cls", "mean")):
            a, b = (unit(predictor.embed(t, layer, pool)) for t in (first, second))
            np.testing.assert_allclose(cosines[layer, i], (a * b).sum(1), atol=1e-5)
            share = report.share(layer, i)
            if (layer, pool) == (0, "cls"):
                assert math.isnan(share.value)
                continue
            assert share.value == pytest.approx(
                stats.spearmanr((a * b).sum(1), scores)[0], abs=0.01
            )
            assert -1 <= share.low < share.value < share.high <= 1
            if layer == 2:
                near = [
                    ((u - v) ** 2).sum() for u, v, s in zip(a, b, scores, strict=True) if s >= 4
                ]
                assert report.alignment[i] == pytest.approx(np.mean(near), abs=1e-5)
                different = unit(predictor.embed(list(dict.fromkeys(first + second)), 2, pool))
                assert report.uniformity[i] == pytest.approx(uniformity(different), abs=1e-5)
    monkeypatch.setattr("cline_fairseq.evaluation.sentence_similarity._WINDOW", 7)
    again = pair_vectors(predictor, pairs)
    np.testing.assert_allclose(again.cosines, cosines, atol=1e-5)
    np.testing.assert_allclose(again.last, last, atol=1e-5)


def test_a_perfect_model():
    pairs = [ScoredPair(f"a {i}", f"b {i}", float(i)) for i in range(5)]
    cosines = np.stack([np.linspace(0, 1, 5), np.zeros(5)])[None]
    last = np.random.default_rng(1).normal(size=(2, 2, 5, 3)).astype(np.float32)
    collapsed = make_similarity_report("m", pairs, cosines, last, 9, 50)
    assert collapsed.best(1) is None
    assert "| mean of tokens | best | |" in similarity_tables([collapsed])
    cosines = np.concatenate([cosines, cosines[:, ::-1]])
    report = make_similarity_report("m", pairs, cosines, last, 9, 50)
    assert report.share(0, 0).value == pytest.approx(1)
    assert (report.best(0), report.best(1)) == (0, 1)
    record = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert record["cls"]["spearman"][1] == {"value": None, "low": None, "high": None}
    assert record["mean"]["alignment"] is None
    table = similarity_tables([report, report._replace(name="n")])
    assert "| `<s>` | 0 | 100.0 (100.0 to 100.0) | 100.0 (100.0 to 100.0) |" in table
    assert "| `<s>` | 1 | | |" in table
    assert "| mean of tokens | best | 100.0 (100.0 to 100.0), layer 1 |" in table


def test_the_program(checkpoints, pairs, tmp_path, capsys):
    """SICK's columns, two checkpoints, JSON."""
    path = tmp_path / "sick.txt"
    rows = ["\t".join(map(str, pair)) for pair in pairs]
    path.write_text("\n".join(["sentence_A\tsentence_B\trelatedness_score", *rows]) + "\n")
    main(
        [
            *("--checkpoint", f"one={checkpoints[0]}", "--checkpoint", f"two={checkpoints[1]}"),
            *("--input", str(path), "--quoting", "none", "--text-column", "sentence_A"),
            *("--text2-column", "sentence_B", "--score-column", "relatedness_score"),
            *("--json", str(tmp_path / "a.json"), "--resamples", "50"),
        ]
    )
    printed = capsys.readouterr().out
    record = json.loads((tmp_path / "a.json").read_text())
    assert [model["name"] for model in record["checkpoints"]] == ["one", "two"]
    assert record["pairs"] == 24
    assert f"24 pairs, {record['similar_pairs']} of them with a score of at least 4" in printed
    share = record["checkpoints"][1]["mean"]["spearman"][2]
    assert f"{100 * share['value']:.1f} ({100 * share['low']:.1f} to" in printed
    assert f"| {record['checkpoints'][0]['cls']['uniformity']:.3f} |" in printed


def test_bad_pairs(tmp_path):
    header = "sentence1\tsentence2\tscore\n"
    for text, message in {
        header + "a\tb\t1\n" * 3: "has 3 pairs: expected at least 3, with different scores",
        header + "a\tb\t1\na\tb\t2\n": "has 2 pairs",
        header + "a\tb\tx\n": "line 2: the score 'x' is not a number",
        header + "a\tb\tnan\n": "line 2: the score 'nan' is not a number",
        "sentence1\tsentence2\n": "has 0 pairs",
        "sentence1\tsentence2\na\tb\n": r"line 2: no 'score' among .*--score-column",
    }.items():
        (tmp_path / "a.tsv").write_text(text)
        with pytest.raises(InputError, match=message):
            read_scored_pairs(tmp_path / "a.tsv", COLUMNS)
    with pytest.raises(MissingFileError):
        read_scored_pairs(tmp_path / "b.tsv", COLUMNS)
    rows = [{"sentence1": "a", "sentence2": "b", "score": i} for i in range(3)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [p.score for p in read_scored_pairs(tmp_path / "a.jsonl", COLUMNS)] == [0, 1, 2]


def test_published_stsb():
    """GLUE's STS-B in $GLUE_DIR."""
    path = Path(os.environ.get("GLUE_DIR", "missing")) / "STS-B" / "dev.tsv"
    if not path.exists():
        pytest.skip("set GLUE_DIR to read the published file")
    pairs = read_scored_pairs(path, COLUMNS, "none")
    assert len(pairs) == 1500
    assert {pair.score for pair in pairs} >= {0.0, 5.0}
