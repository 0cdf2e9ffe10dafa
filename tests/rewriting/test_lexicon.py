from collections import Counter

import lemminflect
import numpy as np
import pytest

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.rewriting import Kind, Lexicon
from cline_fairseq.rewriting.lexicon import (
    FORMAT,
    NUM_RELATIONS,
    RESOURCES,
    LexiconData,
    Weighted,
)
from cline_fairseq.rewriting.neighbours import Article
from cline_fairseq.rewriting.tags import INFLECTIONS, POS_OF_TAG, TAGS


@pytest.mark.parametrize(
    ("word", "tag", "kind", "candidate"),
    [
        ("mice", "NNS", Kind.HYPERNYM, "rodents"),
        ("ran", "VBD", Kind.INFLECTION, "running"),
        ("went", "VBD", Kind.SYNONYM, "moved"),
        ("cars", "NNS", Kind.SYNONYM, "autos"),
        ("good", "JJ", Kind.ANTONYM, "bad"),
        ("better", "JJR", Kind.ANTONYM, "worse"),
        ("quickly", "RB", Kind.ANTONYM, "slowly"),
        ("happiness", "NN", Kind.ANTONYM, "unhappiness"),
        ("moist", "JJ", Kind.INDIRECT_ANTONYM, "dry"),
        ("loss", "NN", Kind.ANTONYM, "gain"),  # of 5 % of its counted uses
        ("enemy", "NN", Kind.ANTONYM, "friend"),  # WordNet does not link them
        ("interesting", "JJ", Kind.ANTONYM, "uninteresting"),
    ],
)
def test_known_candidates(lexicon, word, tag, kind, candidate):
    assert candidate in lexicon.candidates(word, tag, kind)


def test_common_senses_win(lexicon):
    synonyms = lexicon.candidates("good", "JJ", Kind.ANTONYM)
    assert max(synonyms, key=synonyms.get) == "bad"
    assert sum(synonyms.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("word", "tag", "candidate"),
    [
        ("other", "JJ", "early"),
        ("old", "JJ", "older"),
        ("made", "VBD", "created by mental act"),
        ("made", "VBD", "created mentally"),
        ("made", "VBD", "unmaked"),
        ("still", "RB", "movingly"),
        ("still", "RB", "under way"),
        ("lightness", "NN", "weight"),
        ("fall", "NN", "ascent"),
        ("comedy", "NN", "drama"),
        ("passing", "JJ", "being born"),
        ("reminded", "VBD", "informed"),  # these take no object, or must
        ("flanked", "VBD", "lay"),
        ("abstain", "VB", "consume"),
    ],
)
def test_what_readers_found_wrong(lexicon, word, tag, candidate):
    kinds = set(Kind) - {Kind.INFLECTION, Kind.RANDOM}
    assert not any(candidate in lexicon.candidates(word, tag, kind) for kind in kinds)


@pytest.mark.parametrize(
    "form",
    [
        *("placable", "unmaked", "misanthropical", "affectionatenesses"),
        *("informations", "moneys"),
    ],
)
def test_words_that_nobody_writes_are_not_in_it(lexicon, form):
    assert "thinking" in lexicon.form_id
    assert form not in lexicon.form_id


@pytest.mark.parametrize(
    ("word", "tag", "candidate"),
    [
        ("three", "O", "four"),
        ("third", "JJ", "fifth"),
        ("monday", "NNP", "tuesday"),
        ("may", "NNP", "june"),
        ("red", "JJ", "yellow"),
        ("french", "JJ", "italian"),
        ("coffee", "NN", "tea"),
        ("winter", "NN", "summer"),
    ],
)
def test_cohyponyms(lexicon, word, tag, candidate):
    assert candidate in lexicon.candidates(word, tag, Kind.COHYPONYM)
    near = (Kind.SYNONYM, Kind.HYPERNYM)
    assert not any(candidate in lexicon.candidates(word, tag, kind) for kind in near)


def test_verbs_have_no_cohyponyms(lexicon):
    """They rarely fit: to arrive, to return. Adjectives have them in the lists of classes."""
    for tag in INFLECTIONS["VERB"]:
        entries = lexicon.entry_of[:, TAGS.index(tag)]
        assert not lexicon.has(entries[entries >= 0], Kind.COHYPONYM).any()


def test_names_and_numbers_are_no_random_words(lexicon):
    assert "tuesday" not in lexicon.candidates("monday", "NNP", Kind.RANDOM)
    assert not lexicon.candidates("three", "O", Kind.RANDOM)
    assert "french" not in lexicon.candidates("big", "JJ", Kind.RANDOM)


def test_synonyms_and_hypernyms_are_weighed_together(lexicon):
    data = lexicon.data
    near = np.isin(data.pair_kind, (Kind.SYNONYM, Kind.HYPERNYM))
    total = np.bincount(data.pair_lemma[near], data.pair_weight[near])
    assert abs(total[total > 0] - 255).max() <= 32


@pytest.mark.parametrize(
    ("word", "tag"),
    [
        *(("is", "VBZ"), ("had", "VBD"), ("doing", "VBG"), ("can", "VB"), ("not", "RB")),
        *(("no", "JJ"), ("including", "VBG"), ("following", "JJ"), ("someone", "NN")),
    ],
)
def test_function_words_are_not_in_it(lexicon, word, tag):
    assert not any(lexicon.candidates(word, tag, kind) for kind in Kind)
    pairs = zip(lexicon.entry_form, lexicon.data.entry_tag, strict=True)
    assert (lexicon.form_id.get(word), TAGS.index(tag)) not in set(pairs)


def has_inflection(word, tag):
    """Whether lemminflect finds a lemma of which the word is this inflection."""
    pos = POS_OF_TAG[tag]
    lemmas = lemminflect.getAllLemmas(word, upos=pos).get(pos, ())
    if tag == INFLECTIONS[pos][0] and (word in lemmas or not lemmas):
        return True  # a base form; the rules for unknown words would take "unpolished" for none
    lemmas = lemmas or lemminflect.getAllLemmasOOV(word, upos=pos).get(pos, ())
    return any(word in lemminflect.getInflection(lemma, tag) for lemma in lemmas)


def test_candidates_keep_the_inflection(lexicon):
    """lemminflect judges a large sample: a candidate is its lemma in the tag of the entry."""
    rng = np.random.default_rng(0)
    agree = Counter()
    entries = rng.choice(len(lexicon.entry_form), 4000, replace=False)
    for entry in entries:
        tag = TAGS[lexicon.data.entry_tag[entry]]
        form = lexicon.forms[lexicon.entry_form[entry]]
        for kind in (Kind.SYNONYM, Kind.HYPERNYM, Kind.ANTONYM, Kind.INDIRECT_ANTONYM):
            for candidate in list(lexicon.candidates(form, tag, kind))[:3]:
                if " " in candidate:
                    continue
                agree[has_inflection(candidate, tag)] += 1
    assert agree.total() > 5000
    assert agree[True] / agree.total() > 0.98


def test_a_word_stays_as_often_as_it_is_drawn_itself():
    data = tiny(
        entries=[("old", "JJ", 0), ("aged", "JJ", 1), ("elderly", "JJ", 2)],
        pairs=[(0, Kind.SYNONYM, 0, 60), (0, Kind.SYNONYM, 1, 0), (0, Kind.SYNONYM, 2, 20)],
    )
    lexicon = Lexicon(data)
    assert lexicon.candidates("old", "JJ", Kind.SYNONYM) == {"elderly": 1.0}
    entry = lexicon.entry_of[lexicon.form_id["old"], TAGS.index("JJ")]
    for article, expected in ((Article.NONE, 0.25), (Article.AN, 0.25)):
        drawn = lexicon.draw(
            np.full(8, entry), np.full(8, Kind.SYNONYM), np.arange(8) / 8, np.full(8, article)
        )
        assert (drawn == lexicon.form_id["elderly"]).mean() == expected
        assert ((drawn == -1) | (drawn == lexicon.form_id["elderly"])).all()


def test_a_word_alone_is_no_candidate():
    data = tiny(entries=[("old", "JJ", 0)], pairs=[(0, Kind.SYNONYM, 0, 255)])
    assert not Lexicon(data).has(np.array([0]), Kind.SYNONYM).any()


def tiny(entries, pairs):
    """A lexicon of (form, tag, lemma) and of (lemma, kind, candidate, weight)."""
    forms = sorted({form for form, _, _ in entries})
    lemmas = 1 + max(lemma for *_, lemma in entries)
    lemma, kind, candidate, weight = (np.array(column) for column in zip(*pairs, strict=True))
    return LexiconData(
        forms=np.frombuffer("\n".join(forms).encode(), np.uint8),
        entry_lemma=np.array([lemma for *_, lemma in entries], np.int32),
        entry_tag=np.array([TAGS.index(tag) for _, tag, _ in entries], np.uint8),
        entry_form=np.array([forms.index(form) for form, *_ in entries], np.int32),
        lemma_count=np.ones(lemmas, np.int32),
        pair_lemma=lemma.astype(np.int32),
        pair_kind=kind.astype(np.uint8),
        pair_candidate=candidate.astype(np.int32),
        pair_weight=weight.astype(np.uint8),
        pool_entry=np.array([0], np.int32),
        pool_count=np.array([1], np.int32),
    )


def test_no_candidate_equals_its_word(lexicon):
    entries = np.random.default_rng(0).choice(len(lexicon.entry_form), 4000, replace=False)
    for entry in entries:
        form = lexicon.forms[lexicon.entry_form[entry]]
        tag = TAGS[lexicon.data.entry_tag[entry]]
        for kind in range(NUM_RELATIONS):
            assert form not in lexicon.candidates(form, tag, Kind(kind))


def test_no_antonym_is_a_form_of_its_word(lexicon):
    data = lexicon.data
    opposite = np.isin(data.pair_kind, (Kind.ANTONYM, Kind.INDIRECT_ANTONYM))
    assert (data.pair_lemma != data.pair_candidate)[opposite].all()


def test_blocked_words_are_not_in_it(lexicon):
    lines = (RESOURCES / "blocked_words.txt").read_text(encoding="utf-8").splitlines()
    blocked = {line for line in lines if line and not line.startswith("#")}
    assert len(blocked) > 50
    assert not blocked & set(lexicon.forms)


def test_random_words_are_no_synonyms(lexicon):
    entry = lexicon.entry_of[lexicon.form_id["big"], TAGS.index("JJ")]
    uniform = (np.arange(20000) + 0.5) / 20000
    entries = np.full(len(uniform), entry)
    forms = lexicon.draw(entries, np.full(len(uniform), Kind.RANDOM), uniform)
    drawn = {lexicon.forms[form] for form in forms[forms >= 0]}
    assert len(drawn) > 300
    assert not drawn & set(lexicon.candidates("big", "JJ", Kind.SYNONYM))
    assert "big" not in drawn
    # The pool is drawn from by frequency: "new" is common, "big" itself is no candidate.
    pool = lexicon.candidates("big", "JJ", Kind.RANDOM)
    assert Counter(forms.tolist())[lexicon.form_id["new"]] / len(forms) == pytest.approx(
        pool["new"], rel=0.05
    )


def test_weight_0_is_related_but_never_drawn(lexicon, odd_lexicon):
    uniform, never = (np.arange(20000) + 0.5) / 20000, 0
    for word in ("quick", "clever", "old", "small", "famous"):
        known, weighed = (
            lex.candidates(word, "JJ", Kind.SYNONYM) for lex in (lexicon, odd_lexicon)
        )
        assert all(weighed.values())
        entry = lexicon.entry_of[lexicon.form_id[word], TAGS.index("JJ")]
        entries = np.full(len(uniform), entry)
        for kind in (Kind.SYNONYM, Kind.RANDOM):
            if odd_lexicon.candidates(word, "JJ", kind):
                forms = odd_lexicon.draw(entries, np.full(len(uniform), kind), uniform)
                drawn = {lexicon.forms[form] for form in forms[forms >= 0]}
                assert drawn <= set(odd_lexicon.candidates(word, "JJ", kind))
                assert not drawn & (set(known) - set(weighed))
        never += len(set(known) - set(weighed))
    assert never


def test_lists_that_weigh_nothing_are_none(lexicon, odd_lexicon):
    entries = np.arange(len(lexicon.entry_form))
    for kind in (Kind.SYNONYM, Kind.ANTONYM):
        had, has = (lex.has(entries, kind) for lex in (lexicon, odd_lexicon))
        assert (has <= had).all()
        for entry in np.flatnonzero(had & ~has)[:20].tolist():
            form = lexicon.forms[lexicon.entry_form[entry]]
            tag = TAGS[lexicon.data.entry_tag[entry]]
            if lexicon.entry_of[lexicon.form_id[form], TAGS.index(tag)] == entry:
                assert not odd_lexicon.candidates(form, tag, kind)
        assert (had & ~has).any()


def test_weighted_draws_follow_the_weights():
    rng = np.random.default_rng(0)
    sizes = np.array([3, 0, 1, 5])
    weights = rng.integers(1, 255, sizes.sum())
    weights[[0, 5]] = 0
    starts = np.concatenate([[0], np.cumsum(sizes)])
    lists = Weighted(np.repeat(np.arange(4), sizes), weights, 4)
    for first, last in ((0, 1), (2, 3), (3, 4), (0, 2), (1, 4), (0, 4)):
        uniform = (np.arange(100_000) + 0.5) / 100_000
        drawn = lists.draw(*(np.full(len(uniform), i) for i in (first, last)), uniform)
        shares = np.bincount(drawn, minlength=sizes.sum()) / len(drawn)
        items = slice(starts[first], starts[last])
        assert lists.of(first, last)[0] == items
        np.testing.assert_array_equal(lists.of(first, last)[1], weights[items])
        assert lists.totals(np.array([first]), np.array([last])) == weights[items].sum()
        expected = np.zeros(sizes.sum())
        expected[items] = weights[items] / weights[items].sum()
        np.testing.assert_allclose(shares, expected, atol=1e-4)


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(MissingFileError, match=r"no lexicon 'xx': expected one of \['en'\]"):
        Lexicon.load("xx")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match="not a lexicon of this version"):
        Lexicon.load(broken)


@pytest.mark.parametrize("number", [0, 1, FORMAT, FORMAT + 1])
def test_formats(lexicon, tmp_path, number):
    """Files of format 1 have the kinds of before, and are read; unknown formats are refused."""
    path = tmp_path / "lexicon.npz"
    np.savez_compressed(path, format=np.int32(number), **lexicon.data._asdict())
    if number in (1, FORMAT):
        found = LexiconData.load(path)
        assert all(map(np.array_equal, found, lexicon.data))
    else:
        with pytest.raises(InputError, match=f"format {number}, expected {FORMAT}"):
            LexiconData.load(path)


def test_saves_the_format_that_has_cohyponyms(odd_lexicon, tmp_path):
    odd_lexicon.data.save(tmp_path / "lexicon.npz")
    assert np.load(tmp_path / "lexicon.npz")["format"] == FORMAT > 1
