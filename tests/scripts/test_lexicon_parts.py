"""Building a lexicon: inflections, contradictions, weights, judgements, the model, a whole file."""

import gzip
import json

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Kind, Lexicon
from lexicon_parts import noun, part
from programs import run

pytest.importorskip("lemminflect", reason="needs the extra lexicon")


@pytest.mark.parametrize(
    ("text", "pos", "tag", "form"),
    [
        ("mouse", "NOUN", "NNS", "mice"),
        ("motor vehicle", "NOUN", "NNS", "motor vehicles"),
        ("point of view", "NOUN", "NNS", "points of view"),
        ("go", "VERB", "VBD", "went"),
        ("walk", "VERB", "VBN", "walked"),
        ("look at", "VERB", "VBG", "looking at"),
        ("outfight", "VERB", "VBD", "outfought"),
        ("good", "ADJ", "JJR", "better"),
        ("beautiful", "ADJ", "JJR", None),
        ("out of date", "ADJ", "JJ", "out of date"),
        ("blogify", "VERB", "VBZ", "blogifies"),
    ],
)
def test_inflections(text, pos, tag, form):
    assert part("inflections").inflect(text, pos).get(tag, (None,))[0] == form


def test_guessed_inflections_are_words():
    inflect = part("inflections").inflect
    assert set(inflect("blogify", "VERB", lambda form: form == "blogifies")) == {"VB", "VBZ"}
    assert set(inflect("walk", "VERB", lambda form: False)) > {"VB", "VBD"}  # these are no guesses


def test_an_opposite_is_no_near_word():
    candidates = part("candidates")
    r, link = candidates.Relation, candidates.Link(0.5, 0.5, 0.5, 1.0)
    word, other = noun("cold"), noun("hot")
    for relations, left in (
        ((r.SYNONYM, r.SIMILAR, r.ANTONYM, r.INDIRECT_ANTONYM), {r.ANTONYM}),
        ((r.SYNONYM, r.INDIRECT_ANTONYM), {r.SYNONYM}),
        ((r.HYPERNYM, r.SIMILAR, r.INDIRECT_ANTONYM), {r.INDIRECT_ANTONYM}),
    ):
        links = {word: {(relation, other): link for relation in relations}}
        candidates.drop_contradictions(links)
        assert set(links[word]) == {(relation, other) for relation in left}
    links = {word: {(r.SYNONYM, other): link}, other: {(r.ANTONYM, word): link}}
    candidates.drop_contradictions(links)
    assert links == {word: {}, other: {(r.ANTONYM, word): link}}


def test_heaviest_candidates():
    weights = part("weights")
    scores = {noun(f"w{i:02}"): 1.0 for i in range(40)} | {noun("heavy"): 5.0, noun("no"): 0.0}
    found = weights.weigh(scores)
    assert len(found) == weights.MAX_CANDIDATES
    assert found[noun("heavy")] == round(255 * 5 / 20)
    assert list(found)[1:3] == [noun("w00"), noun("w01")]  # names settle ties
    assert set(weights.weigh({noun("a"): 1.0, noun("b"): 0.005})) == {noun("a")}


def test_hypernyms_and_rare_words_must_be_likelier():
    features, weights, r = part("features"), part("weights"), part("candidates").Relation
    never = np.log(1e-4)
    # Rows: a synonym, a hypernym, both, a similar word, of a rare word, a rare one, a phrase.
    columns = {
        "synonym_there": [-1, never, -1, never, -1, -1, -1],
        "hypernym_there": [never, -1, -1, never, never, never, never],
        "similar_there": [never, never, never, -1, never, never, never],
        "count": [3, 3, 3, 3, 0, 3, 3],
        "candidate_count": [3, 3, 3, 3, 3, 0, 0],
        "words": [1, 1, 1, 1, 1, 1, 2],
    }
    table = features.Table({}, [], np.array(list(columns.values())).T, tuple(columns))
    assert table.has(r.SIMILAR).tolist() == [False] * 3 + [True] + [False] * 3
    least = weights.least_acceptance(table, 0.1)
    further, rare = 0.1 * weights.OF_HYPERNYMS, 0.1 * weights.OF_RARE
    assert least.tolist() == pytest.approx([0.1, further, 0.1, 0.1, rare, rare, 0.1])
    found = weights.by_model(np.full(7, 0.2), least)
    assert (found > 0).tolist() == [True, False, True, True, False, False, True]
    assert found[0] == pytest.approx(0.2**weights.SHARPNESS)


def test_synonyms_and_hypernyms_share_a_list():
    candidates, weights = part("candidates"), part("weights")
    link, r = candidates.Link(0.5, 0.5, 0.5, 1.0), candidates.Relation
    both, above, similar = noun("both"), noun("above"), noun("similar")
    links = {(r.SYNONYM, both): link, (r.HYPERNYM, both): link, (r.HYPERNYM, above): link}
    links[r.SIMILAR, similar] = link
    scores = {both: 3.0, above: 1.0, similar: 0.0}
    found = weights.near_weights(noun("word"), links, scores, fit=1.0)
    assert found == {
        (Kind.SYNONYM, both): 191,
        (Kind.HYPERNYM, above): 64,
        (Kind.HYPERNYM, similar): 0,  # never drawn, but no random word
    }
    found = weights.near_weights(noun("word"), links, scores, fit=0.2)
    assert found == {
        (Kind.SYNONYM, both): 38,
        (Kind.HYPERNYM, above): 13,
        (Kind.HYPERNYM, similar): 0,
        (Kind.SYNONYM, noun("word")): 152,  # the word itself, in the proportion of the kinds
        (Kind.HYPERNYM, noun("word")): 52,
    }
    assert set(weights.near_weights(noun("word"), links, scores, fit=0.0).values()) == {0}


def test_words_with_poor_candidates_are_rarely_replaced():
    features, weights = part("features"), part("weights")
    words = [noun(f"w{i}") for i in range(5)]
    parts = (slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5), slice(5, 5))
    table = features.Table(dict(zip(words, parts, strict=True)), [], np.empty((5, 0)), ())
    acceptance = np.array([0.1, 0.25, 0.5, 0.9, 0.02])
    fit = weights.fit_of_words(table, acceptance, np.ones(5), lambda word: word == words[2])
    assert list(fit.values()) == pytest.approx(
        [(0.175 / weights.ENOUGH) ** 2, 1, weights.SELDOM, weights.LEAST_OFTEN, 0]
    )


def test_words_without_likely_candidates_have_a_lower_threshold():
    features, weights = part("features"), part("weights")
    rows = {noun("likely"): slice(0, 2), noun("unlikely"): slice(2, 4)}
    counts = np.array([[3, 3, 3, 3], [3, 3, 3, 0], [1, 1, 1, 1]])
    table = features.Table(rows, [], counts.T, ("count", "candidate_count", "words"))
    least = np.array([0.2, 0.2, 0.2, 0.4])
    found = weights.least_by_word(table, np.array([0.3, 0.1, 0.2, 0.3]), least)
    lowered = 0.2 * weights.OF_WORDS_WITHOUT
    assert found.tolist() == [0.2, 0.2, lowered, 0.4]  # not for a rare candidate


class Synset:
    def __init__(self, *names):
        self._names = names

    def lemma_names(self):
        return list(self._names)


def test_obscene_senses():
    is_obscene = part("candidates")._is_obscene
    assert is_obscene(Synset("suck", "blow", "fellate"))
    assert not is_obscene(Synset("suck", "draw"))


def test_what_a_reader_found_unfit(tmp_path):
    candidates, unfit = part("candidates"), part("unfit")
    path = tmp_path / "unfit.txt"
    path.write_text("# text\n\n[near]\nhand NOUN: *, paw\n[far]\nhand NOUN: foot, leg\n")
    found = unfit.Unfit(path)
    assert found.is_seldom(noun("hand"))
    assert not found.is_seldom(candidates.Lemma("hand", "VERB"))
    assert [found.near(noun("hand"), noun(text)) for text in ("paw", "foot")] == [0, 1]
    assert [found.far(noun("hand"), noun(text)) for text in ("paw", "foot")] == [1, 0]
    for line in ("hand NOUN paw", "hand: paw", "[further]"):
        path.write_text(f"[near]\n{line}\n")
        with pytest.raises(InputError, match=r"unfit\.txt, line 2"):
            unfit.Unfit(path)
    unfit.Unfit()  # the one of the build


def test_words_that_fill_the_same_slots_are_alike():
    pytest.importorskip("gensim")
    slots = part("slots")
    rng = np.random.default_rng(0)
    words = []
    for _ in range(4000):
        noun_, verb = rng.choice(["tea", "milk", "wine"]), rng.choice(["drinks", "likes"])
        words += [("he", "PRP"), (verb, "VBZ"), (noun_, "NN"), (".", "."), ("the", "DT")]
        words += [(rng.choice(["doctor", "teacher"]), "NN"), ("sleeps", "VBZ"), ("and", "CC")]
    first, second = (slots.Slots(words, dimensions=4) for _ in range(2))
    tea, milk, doctor = (first.of(noun(text)) for text in ("tea", "milk", "doctor"))
    np.testing.assert_array_equal(tea, second.of(noun("tea")))
    assert tea @ milk > 0.9 > 0.5 > tea @ doctor
    assert first.of(noun("coffee")) is None


def test_nouns_have_no_unusual_number():
    assembly = part("assembly")
    counts = assembly.count_words(
        [("furniture", "NN")] * 300 + [("trousers", "NNS")] * 127 + [("chair", "NN")] * 99
    )

    def tags(**forms):
        return set(assembly.in_usual_number({tag: [form] for tag, form in forms.items()}, counts))

    assert tags(NN="furniture", NNS="furnitures") == {"NN"}
    assert tags(NN="trouser", NNS="trousers") == {"NNS"}
    assert tags(NN="chair", NNS="chairs") == {"NN", "NNS"}  # too rare to know
    assert tags(VB="furniture") == {"VB"}
    weights = {noun("chair"): {(Kind.HYPERNYM, noun("furniture")): 255}}
    lexicon = Lexicon(assembly.assemble(weights, counts, {}, set(), lambda form: True))
    assert lexicon.candidates("chair", "NN", Kind.HYPERNYM) == {"furniture": 1.0}
    assert lexicon.candidates("chairs", "NNS", Kind.HYPERNYM) == {}


COINCO = """<document>
<sent MASCfile="a.txt" MASCsentID="s-r0"><targetsentence>A mission</targetsentence><tokens>
<token id="XXX" wordform="A" lemma="a" posMASC="XXX"/>
<token id="4" wordform="mission" lemma="mission" posMASC="NN" problematic="no"><substitutions>
<subst lemma="goal" pos="NN" freq="2"/><subst lemma="Quest" pos="NN" freq="1"/></substitutions>
</token><token id="5" wordform="ran" lemma="run" posMASC="VBD" problematic="yes"><substitutions>
<subst lemma="go" pos="VB" freq="1"/></substitutions></token></tokens></sent></document>"""


def test_judgements(tmp_path):
    judgements = part("judgements")
    path = tmp_path / "coinco.xml.gz"
    path.write_bytes(gzip.compress(COINCO.encode()))
    (word,) = judgements.read_judgements(path)
    assert word == ("a.txt", "4", noun("mission"), {"goal": 2 / 6, "quest": 1 / 6})
    for broken in (b"text", gzip.compress(b"text"), gzip.compress(b"<a/>")):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"coinco\.xml\.gz"):
            judgements.read_judgements(path)


def test_the_model_learns_and_repeats_itself():
    pytest.importorskip("sklearn")
    acceptance = part("acceptance")
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 3))
    target = (features[:, 0] > 1) * rng.choice([0.0, 0.5, 1.0], 4000)
    first, second = (acceptance.Acceptance(features, target)(features) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first[features[:, 0] > 1].mean() == pytest.approx(0.5, abs=0.05)
    assert first[features[:, 0] < 0.9].mean() < 0.02


def test_skipgram_vectors_repeat_themselves(tmp_path):
    pytest.importorskip("gensim")
    text = [[("The", "DT"), ("mice", "NNS"), ("ran", "VBD")], [("Cats", "NNS"), ("ran", "VBD")]]
    for name in ("a.npz", "b.npz"):
        part("skipgram").train(text * 10, tmp_path / name, vector_size=4)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    skipgram = part("vectors").SkipGram(tmp_path / "a.npz")
    assert skipgram.count(noun("mouse")) == 10
    assert skipgram.of(noun("mouse")).shape == (4,)
    assert skipgram.of(noun("house")) is None
    (tmp_path / "a.npz").write_bytes(b"no")
    with pytest.raises(InputError, match=r"train them with scripts/train_skipgram\.py"):
        part("vectors").SkipGram(tmp_path / "a.npz")


def test_too_little_text_for_vectors(tmp_path):
    pytest.importorskip("gensim")
    with pytest.raises(InputError, match="no word of the tagged text occurs 5 times"):
        part("skipgram").train([[("Cats", "NNS")]], tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


def test_a_lexicon_of_few_words(tmp_path):
    assembly, classes = part("assembly"), part("classes")
    weights = {
        noun("mouse"): {(Kind.HYPERNYM, noun("rodent")): 255, (Kind.SYNONYM, noun("rat")): 0},
        noun("rat"): {(Kind.SYNONYM, noun("blorp")): 0},
    }
    part("build").add_classes(weights)
    counts = assembly.count_words([("mice", "NNS"), ("Rats", "NNS"), ("four", "CD")] * 5)
    data = assembly.assemble(weights, counts, {}, {"rodents"}, lambda form: True)
    data.save(tmp_path / "lexicon.npz")
    lexicon = Lexicon.load(tmp_path / "lexicon.npz")
    assert lexicon.candidates("mouse", "NN", Kind.HYPERNYM) == {"rodent": 1.0}
    assert lexicon.candidates("mice", "NNS", Kind.HYPERNYM) == {}  # rodents is blocked
    assert set(lexicon.candidates("rats", "NNS", Kind.RANDOM)) == {"mice", "rats"}
    assert lexicon.candidates("three", "O", Kind.RANDOM) == {}
    assert "four" in lexicon.candidates("three", "O", Kind.COHYPONYM)
    assert "blorp" not in lexicon.forms
    entry = lexicon.entry_of[lexicon.form_id["mice"], 2]
    forms = lexicon.draw(np.full(9, entry), np.full(9, Kind.RANDOM), np.arange(9) / 9)
    assert set(forms) == {-1}  # a rat is near a mouse, though it is never drawn for one
    assert len(classes.classmates()) > 100


def swords(path, scores):
    """A data set of SWORDS with one target."""
    data = {
        "contexts": {"c": {"context": "It was a big house.", "extra": {"coinco_ids": []}}},
        "targets": {
            "t": {
                "context_id": "c",
                "target": "big",
                "offset": 9,
                "pos": "ADJ",
                "extra": {"coinco_ids": ["7"]},
            }
        },
        "substitutes": {word: {"target_id": "t", "substitute": word} for word in scores},
        "substitute_labels": scores,
    }
    path.write_bytes(gzip.compress(json.dumps(data).encode()))
    return path


def test_evaluation(tmp_path):
    path = swords(tmp_path / "s.json.gz", {"large": ["TRUE", "TRUE", "FALSE"], "red": ["FALSE"]})
    assert part("judgements").tokens_of(path) == {"7"}
    pairs = tmp_path / "adjective.tsv"
    pairs.write_text("big\tsmall\t1\nbig\tlarge\t0\n")
    command = ("scripts/build_lexicon.py", "--evaluate", "en", "--swords", path)
    found = json.loads(run(*command, "--antonyms", pairs, "--json").stdout)
    measures = {row["name"]: row for row in found["measures"]}
    both = measures["synonym + hypernym"]
    assert both["targets"] == 1
    assert both["covered"][0] == 1
    assert 0.2 < both["accepted"][0] <= both["conceivable"][0] <= 1
    assert measures["antonym view"]["conceivable"][0] == 0
    assert measures["synonym + hypernym, ADJ"] == both | {"name": "synonym + hypernym, ADJ"}
    assert 0.2 < found["labelled_antonyms"].pop("antonym view") <= 1  # big -> small
    assert found["labelled_antonyms"] == {
        "synonym + hypernym": 0,
        "antonym, direct or indirect": 1,
    }
    pairs.write_text("big\tred\t1\n")  # no antonym that is drawn
    found = json.loads(run(*command, "--antonyms", pairs, "--json").stdout)
    assert found["labelled_antonyms"]["antonym view"] == 0
    assert "| synonym + hypernym, ADJ | 1 | 1.000 [1.000, 1.000] |" in run(*command).stdout
    path.write_bytes(b"no")
    result = run(*command, check=False)
    assert result.returncode == 1
    assert "s.json.gz is not a data set of SWORDS" in result.stderr
