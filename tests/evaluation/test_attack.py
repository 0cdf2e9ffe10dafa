"""Attacks on toy classifiers whose weak points are known, against PWWS in plain loops."""

import csv
import json
import math
import os
import random
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.attack import recipes
from cline_fairseq.evaluation.attack.results import attack_table, summarize, write_csv
from cline_fairseq.evaluation.attack.running import Attacked, attack_examples, draw_examples
from cline_fairseq.evaluation.glue.binarizing import GlueJob
from cline_fairseq.evaluation.labelled_text import LabelledExample
from helpers import sentencepiece_options
from programs import ROOT, run

needs_textattack = pytest.mark.skipif(
    find_spec("textattack") is None, reason="TextAttack is not installed"
)
STOP_WORDS = {"the", "a"}


class Toy:
    """A classifier by the sum of the weights of the words."""

    def __init__(self, weights, labels=("pos", "neg"), bias=0.0):
        self.weights, self.labels, self.bias = weights, list(labels), bias

    def positive(self, text):
        words = (text if isinstance(text, str) else " ".join(text)).split()
        return 1 / (1 + math.exp(-self.bias - sum(self.weights.get(word, 0.0) for word in words)))

    def predict_proba(self, texts):
        scores = [{"pos": (p := self.positive(text)), "neg": 1 - p} for text in texts]
        return np.array([[s[label] for label in self.labels] for s in scores], np.float32)


def example(text, label):
    return LabelledExample(text, label, "input.tsv, line 2")


def has_wordnet():
    nltk = pytest.importorskip("nltk")
    try:
        nltk.data.find("corpora/wordnet.zip")
    except LookupError:
        return False
    return True


def write_stop_words(folder):
    """The stop words that TextAttack's import reads, for where NLTK has none."""
    (folder / "corpora" / "stopwords").mkdir(parents=True)
    (folder / "corpora" / "stopwords" / "english").write_text("\n".join(sorted(STOP_WORDS)))
    return folder


@pytest.fixture(scope="module")
def textattack(tmp_path_factory):
    import nltk

    nltk.data.path.append(str(write_stop_words(tmp_path_factory.mktemp("nltk"))))
    yield recipes.import_textattack()
    nltk.data.path.pop()


@pytest.fixture
def pwws(textattack, monkeypatch):
    """TextAttack's PWWS with synonyms and stop words that the test gives."""
    synonyms = {}

    class Swap(textattack.transformations.WordSwap):
        def _get_replacement_words(self, word):
            return synonyms.get(word, [])

    module = textattack.attack_recipes.pwws_ren_2019
    stop_words = module.StopwordModification(STOP_WORDS)
    monkeypatch.setattr(module, "WordSwapWordNet", Swap)
    monkeypatch.setattr(module, "StopwordModification", lambda: stop_words)
    return synonyms


def pwws_in_loops(toy, synonyms, text, label):
    """Probability weighted word saliency (Ren et al. 2019): what TextAttack should do."""

    def loss(words):
        p = toy.positive(" ".join(words))
        return 1 - p if label == "pos" else p

    words = text.split()
    queries, best = 1, loss(words)
    if best > 0.5:
        return "skipped", words, queries
    places = [i for i, word in enumerate(words) if word not in STOP_WORDS]
    saliency = [loss([*words[:i], "[UNK]", *words[i + 1 :]]) for i in places]
    queries += len(places)
    total = sum(math.exp(s) for s in saliency)
    order = []
    for i, s in zip(places, saliency, strict=True):
        swaps = [loss([*words[:i], w, *words[i + 1 :]]) for w in synonyms.get(words[i], [])]
        queries += len(swaps)
        order.append((math.exp(s) / total * max(swaps, default=0), i))
    for _, i in sorted(order, reverse=True):
        swaps = [[*words[:i], w, *words[i + 1 :]] for w in synonyms.get(words[i], [])]
        queries += len(swaps)
        if swaps and loss(swap := max(swaps, key=loss)) > best:
            words, best = swap, loss(swap)
            if best > 0.5:
                return "succeeded", words, queries
    return "failed", words, queries


@needs_textattack
def test_known_weak_points(pwws):
    pwws |= {"good": ["fine", "great"], "bad": ["poor"], "movie": ["film"]}
    toy = Toy({"good": 1.0, "fine": -0.8, "great": 2.0, "bad": -2.0, "poor": -1.0})
    examples = [
        example("a good movie", "pos"),  # falls by one word
        example("good good movie", "pos"),  # by two
        example("the bad movie", "neg"),  # holds: poor is weaker, and still bad
        example("the bad movie", "pos"),  # is wrong already
    ]
    attacked = attack_examples("pwws", toy, examples)
    assert [a.result for a in attacked] == ["succeeded", "succeeded", "failed", "skipped"]
    assert [a.attacked_text for a in attacked] == [
        *("a fine movie", "fine fine movie", "the poor movie", "the bad movie")
    ]
    assert [a.prediction for a in attacked] == ["pos", "pos", "neg", "neg"]
    assert [a.attacked_prediction for a in attacked] == ["neg", "neg", "neg", "neg"]
    assert [(a.words_changed, a.words) for a in attacked] == [(1, 3), (2, 3), (1, 3), (0, 3)]
    limited = attack_examples("pwws", toy, examples, max_changed=0.3)  # a word, rounded up
    assert [a.result for a in limited] == ["succeeded", "failed", "failed", "skipped"]
    assert limited[1].words_changed == 1
    summary = summarize(attacked, resamples=100)
    assert (summary.examples, summary.attacked, summary.succeeded) == (4, 3, 2)
    assert summary.accuracy.value == pytest.approx(3 / 4)
    assert summary.accuracy_under_attack.value == pytest.approx(1 / 4)
    assert summary.success_rate.value == pytest.approx(2 / 3)
    assert summary.words_changed == pytest.approx((1 / 3 + 2 / 3) / 2)


@needs_textattack
def test_pwws_is_that_of_plain_loops(pwws):
    """Results, texts and queries, on random weights; also with the other order of labels."""
    rng = random.Random(3)
    words = [f"w{a}{b}" for a in "abcdef" for b in "ghijk"]
    pwws |= {w: rng.sample([f"{w}{c}" for c in "xyz"], rng.randint(0, 3)) for w in words}
    known = [*words, *(s for swaps in pwws.values() for s in swaps)]
    toy = Toy({w: rng.gauss(0, 1) for w in known}, bias=0.3)
    examples = [
        example(" ".join(rng.sample([*words, *STOP_WORDS], rng.randint(1, 9))), label)
        for label in ("pos", "neg") * 40
    ]
    attacked = attack_examples("pwws", toy, examples)
    expected = [pwws_in_loops(toy, pwws, e.text, e.label) for e in examples]
    assert [(a.result, a.attacked_text.split(), a.queries) for a in attacked] == expected
    assert {"skipped", "failed", "succeeded"} == {a.result for a in attacked}
    for a in attacked:
        pairs = zip(a.example.text.split(), a.attacked_text.split(), strict=True)
        assert a.words_changed == sum(one != other for one, other in pairs)
    toy.labels.reverse()
    assert attack_examples("pwws", toy, examples) == attacked
    some = examples[5:20]
    assert attack_examples("pwws", toy, some) == attacked[5:20]
    assert all(a.queries <= 7 for a in attack_examples("pwws", toy, some, query_budget=7))


@needs_textattack
def test_pairs(pwws):
    pwws |= {"good": ["fine"], "bad": ["poor"]}
    toy = Toy({"good": 1.0, "fine": -1.0, "bad": 0.5, "poor": -1.0})
    (attacked,) = attack_examples("pwws", toy, [example(("good I", "I bad thing"), "pos")])
    assert attacked.attacked_text == ("fine I", "I bad thing")
    assert (attacked.result, attacked.words) == ("succeeded", 5)


@needs_textattack
def test_draws_are_those_of_the_seed(textattack, monkeypatch):
    """An example's result depends on the seed, and not on the examples before it."""
    module = textattack.attack_recipes.deepwordbug_gao_2018
    monkeypatch.setattr(module, "StopwordModification", lambda: stop_words)
    stop_words = textattack.constraints.pre_transformation.StopwordModification(STOP_WORDS)
    toy = Toy({"good": 2.0, "film": 1.0}, bias=-0.5)
    examples = [example(text, "pos") for text in ("a good old film", "the film was", "good luck")]
    whole = attack_examples("deepwordbug", toy, examples, seed=1)
    assert attack_examples("deepwordbug", toy, examples[2:], seed=1) == whole[2:]
    others = [attack_examples("deepwordbug", toy, examples, seed=s) for s in (2, 3)]
    assert any(other != whole for other in others)


@needs_textattack
def test_model_for_textattack(textattack):
    from cline_fairseq.evaluation.attack.textattack_model import TextAttackModel

    toy = Toy({"good": 1.0}, labels=("pos", "neg"))
    texts = ["good", "bad", ("good", "good")]
    scores = TextAttackModel(toy, ["neg", "pos"])(texts)
    np.testing.assert_allclose(scores, toy.predict_proba(texts)[:, ::-1], rtol=1e-6)
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-14)
    with pytest.raises(InputError, match="the labels neg, good are not those of the classifier"):
        TextAttackModel(toy, ["neg", "good"])


@needs_textattack
@pytest.mark.skipif(not has_wordnet(), reason="NLTK has no WordNet")
def test_pwws_with_wordnet(textattack):
    toy = Toy({"movie": 2.0}, bias=-1)
    (attacked,) = attack_examples("pwws", toy, [example("it is the movie", "pos")])
    assert attacked.result == "succeeded"
    assert attacked.attacked_text.split()[:3] == ["it", "is", "the"]
    assert attacked.attacked_text.split()[3] in {"film", "flick", "picture", "pic"}
    assert attacked.words_changed == 1


@needs_textattack
@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("good", "2", "line 2: the label '2' is not among the labels of the classifier"),
        ("a <SPLIT> b", "pos", "line 2: the text contains <SPLIT>, which TextAttack reserves"),
    ],
)
def test_bad_examples(pwws, text, label, message):
    with pytest.raises(InputError, match=message):
        attack_examples("pwws", Toy({}), [example(text, label)])


@needs_textattack
@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("none", "no recipe 'none': expected one of a2t, .*, pwws, .*textfooler"),
        # TextAttack's own words, and what it would have downloaded.
        ("hotflip", "cannot build the recipe hotflip: AttributeError: .* 'tokenizer'"),
        (
            "textfooler",
            "build .* textfooler: FileNotFoundError: .*paragramcf is missing; --download",
        ),
        ("input-reduction", "input-reduction does not aim at a wrong prediction"),
        ("morpheus", "morpheus does not aim at a wrong prediction"),
    ],
)
def test_bad_recipes(textattack, monkeypatch, tmp_path, recipe, message):
    """What TextAttack says is passed on; nothing is downloaded, and no cache is written to."""
    monkeypatch.setattr(textattack.shared.utils.install, "TEXTATTACK_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(textattack.shared.utils.install.requests, "get", pytest.fail)
    with pytest.raises(InputError, match=message):
        attack_examples(recipe, Toy({}), [example("good", "pos")])
    assert not list(tmp_path.iterdir())


@needs_textattack
def test_a_recipe_that_ends_before_the_prediction_is_wrong(textattack, monkeypatch):
    """As kuleshov, which needs data; success would be counted without a wrong prediction."""
    recipe = textattack.attack_recipes.DeepWordBugGao2018
    build = recipe.build

    def unsure(model):
        attack = build(model)
        attack.goal_function.target_max_score = 0.5
        return attack

    monkeypatch.setattr(recipe, "build", unsure)
    with pytest.raises(InputError, match="deepwordbug does not aim at a wrong prediction"):
        attack_examples("deepwordbug", Toy({}), [example("good", "pos")])


@needs_textattack
def test_missing_wordnet(textattack, monkeypatch, tmp_path):
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(write_stop_words(tmp_path))])
    wordnet = nltk.corpus.util.LazyCorpusLoader("wordnet", nltk.corpus.WordNetCorpusReader, None)
    monkeypatch.setattr(nltk.corpus, "wordnet", wordnet)
    with pytest.raises(InputError, match=r"NLTK's wordnet is missing; run python -m nltk\.down"):
        attack_examples("pwws", Toy({}), [example("a good film", "pos")])


def test_textattack_is_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "textattack", raising=False)
    monkeypatch.setattr(recipes, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="TextAttack is missing; install it with: pip install"):
        recipes.require_recipe("pwws")


def test_examples_are_drawn():
    examples = [example(str(i), "pos") for i in range(50)]
    drawn = draw_examples(examples, 20, seed=1)
    numbers = [int(e.text) for e in drawn]
    assert numbers == sorted(set(numbers))
    assert draw_examples(examples, 20, seed=1) == drawn != draw_examples(examples, 20, seed=2)
    assert draw_examples(examples, None, seed=1) == examples
    with pytest.raises(
        InputError, match="cannot draw 51 of 50 examples: pass a number from 1 to 50"
    ):
        draw_examples(examples, 51, seed=1)


def random_results(rng, count):
    results = []
    for _ in range(count):
        result = rng.choice(["skipped", "failed", "succeeded"])
        words = rng.randint(1, 20)
        changed = rng.randint(0, words)
        fields = (result, "t\n", "neg", words, changed, rng.randint(1, 99))
        results.append(Attacked(example('"a", b', "pos"), "pos", *fields))
    return results


def test_figures_are_those_of_plain_loops():
    for seed in range(20):
        results = random_results(random.Random(seed), 30)
        right = kept = queries = 0
        shares = []
        for a in results:
            if a.result != "skipped":
                right += 1
                queries += a.queries
                kept += a.result == "failed"
                if a.result == "succeeded":
                    shares.append(a.words_changed / a.words)
        s = summarize(results, resamples=200)
        assert (s.attacked, s.succeeded) == (right, right - kept)
        assert s.accuracy.value == pytest.approx(right / 30)
        assert s.accuracy_under_attack.value == pytest.approx(kept / 30)
        assert s.success_rate.value == pytest.approx((right - kept) / right)
        assert s.words_changed == pytest.approx(np.mean(shares))
        assert s.queries == pytest.approx(queries / right)
        for share in (s.accuracy, s.accuracy_under_attack, s.success_rate):
            assert 0 <= share.low <= share.value <= share.high <= 1


def test_figures_without_attacks():
    skipped = [Attacked(example("a", "pos"), "neg", "skipped", "a", "neg", 1, 0, 1)]
    summary = summarize(skipped, resamples=10)
    assert (summary.success_rate, summary.words_changed, summary.queries) == (None, None, None)
    assert summary.as_dict()["accuracy"] == {"value": 0, "low": 0, "high": 0}
    row = attack_table({"toy": summary}).splitlines()[2]
    assert row == "| toy | 1 | 0.0 (0.0 to 0.0) | 0.0 (0.0 to 0.0) | - | - | - |"


def test_csv_holds_all_texts(tmp_path):
    results = random_results(random.Random(1), 5)
    write_csv(tmp_path / "a.csv", {"one": results, "two": results[:2]})
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["one"] * 5 + ["two"] * 2
    for row, a in zip(rows, results + results[:2], strict=True):
        assert (row["text"], row["attacked_text"]) == ('"a", b', "t\n")
        assert (row["result"], int(row["queries"])) == (a.result, a.queries)
    pair = Attacked(example(("a", "b"), "pos"), "pos", "failed", ("a", "c"), "pos", 2, 1, 3)
    write_csv(tmp_path / "b.csv", {"one": [pair]})
    with (tmp_path / "b.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["text2"], row["attacked_text2"]) == ("b", "c")


@needs_textattack
@pytest.mark.slow
def test_program(corpus, tmp_path, texts):
    """Two checkpoints side by side, with stop words of our own instead of NLTK's."""
    from cline_fairseq.dictionary import PlainDictionary
    from cline_fairseq.evaluation.glue.binarizing import binarize
    from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
    from cline_fairseq.tokenizer import Tokenizer
    from glue_files import write_task
    from tiny_models import save_classifier

    symbols = PlainDictionary(corpus / "dict.txt")
    subwords = sentencepiece_options(corpus)
    tokenizer = Tokenizer(subwords, symbols)
    write_task(tmp_path / "raw", "SST-2", texts, 1)
    job = GlueJob(tmp_path / "raw", tmp_path / "bin", tokenizer, {})
    binarize(GLUE_TASKS["SST-2"], job)
    data = tmp_path / "bin" / "SST-2"
    one = save_classifier(tmp_path / "one.pt", data, 2)
    two = save_classifier(tmp_path / "two.pt", data, 2, "cline_base", "--seed", 2)
    nltk_data = write_stop_words(tmp_path / "nltk")
    command = [
        *("scripts/attack.py", "--recipe", "deepwordbug"),
        *("--checkpoint", f"one={one}", "--quoting", "none"),
        *("--input", tmp_path / "raw" / "SST-2" / "dev.tsv", "--text-column", "sentence"),
        *("--num-examples", 6, "--resamples", 100),
        *("--json", tmp_path / "a.json", "--output", tmp_path / "a.csv"),
    ]
    result = run(*command, "--checkpoint", f"two={two}", NLTK_DATA=str(nltk_data))
    values = json.loads((tmp_path / "a.json").read_text())
    assert [model["name"] for model in values["checkpoints"]] == ["one", "two"]
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == ["one"] * 6 + ["two"] * 6
    assert [row["text"] for row in rows[:6]] == [row["text"] for row in rows[6:]]
    for model in values["checkpoints"]:
        mine = [row for row in rows if row["model"] == model["name"]]
        right = [row["prediction"] == row["label"] for row in mine]
        still = [row["attacked_prediction"] == row["label"] for row in mine]
        assert [row["result"] != "skipped" for row in mine] == right
        assert model["accuracy"]["value"] == pytest.approx(sum(right) / 6)
        assert model["accuracy_under_attack"]["value"] == pytest.approx(sum(still) / 6)
        assert f"| {model['name']} | 6 | {100 * sum(right) / 6:.1f} (" in result.stdout


@needs_textattack
def test_import_neither_downloads_nor_touches_the_cache(tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    program = "from cline_fairseq.evaluation.attack.recipes import import_textattack as i; i()"
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={
            **os.environ,
            "TA_CACHE_DIR": str(cache),
            "NLTK_DATA": str(write_stop_words(tmp_path / "nltk")),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert "Downloading" not in result.stderr
    assert not (cache / "post_install_check_3").exists()
