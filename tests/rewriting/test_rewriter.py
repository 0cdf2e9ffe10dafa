import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligned import candidates_at, starts_with_vowel
from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Kind, Rewriter, split_words
from cline_fairseq.rewriting.kinds import ANTONYM_KINDS, SYNONYM_KINDS, format_kinds, parse_kinds
from cline_fairseq.rewriting.rewriter import NOT_REPLACED
from cline_fairseq.rewriting.tags import TAG_INDEX
from cline_fairseq.rewriting.words import Case, case_of, with_case
from helpers import ODD_WORDS, SENTENCE


@pytest.fixture(scope="module")
def rewriter(lexicon, tagger):
    return Rewriter(lexicon, tagger)


def always_replaced(lexicon, word, tag):
    """Whether a word never stays where it could be replaced."""
    data = lexicon.data
    stays = data.pair_lemma[data.pair_candidate == data.pair_lemma]
    entry = lexicon.entry_of[lexicon.form_id[word.lower()], TAG_INDEX[tag]]
    return lexicon.entry_lemma[entry] not in stays


def check_invariants(result, lexicon, tagger):
    words, tags = result.original, tagger.tag(result.original)
    for view, replaced, kinds in (
        (result.synonym, result.synonym_replaced, result.synonym_kinds),
        (result.antonym, result.antonym_replaced, result.antonym_kinds),
    ):
        assert len(view) == len(words) == len(replaced) == len(kinds)
        assert replaced.dtype == bool
        for i, (old, new, changed) in enumerate(zip(words, view, replaced, strict=True)):
            if changed:
                assert tags[i] not in ("O", "NNP") or kinds[i] == Kind.COHYPONYM  # numbers, days
                assert new.lower() != old.lower()
                assert new in candidates_at(lexicon, words, tags, i, [Kind(kinds[i])])
            else:
                assert kinds[i] == NOT_REPLACED
                assert new == old
    synonym_kinds = {Kind.SYNONYM, Kind.HYPERNYM, NOT_REPLACED}
    assert set(result.synonym_kinds.tolist()) <= synonym_kinds
    assert set(result.antonym_kinds.tolist()) <= {*ANTONYM_KINDS, NOT_REPLACED}


def test_real_texts(rewriter, lexicon, tagger, texts):
    for i, text in enumerate(texts[:150]):
        check_invariants(rewriter.rewrite(split_words(text), index=i), lexicon, tagger)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(ODD_WORDS, max_size=40), index=st.integers(0, 2**40))
def test_any_words(rewriter, lexicon, tagger, words, index):
    result = rewriter.rewrite(words, epoch=3, index=index)
    assert result.original == words
    check_invariants(result, lexicon, tagger)


def test_the_same_again_and_in_any_company(rewriter, lexicon, tagger, texts):
    words = [split_words(text) for text in texts[:60]]
    together = rewriter.rewrite_texts(words, epoch=2, indices=range(60))
    for i in (0, 7, 59):
        alone = Rewriter(lexicon, tagger).rewrite(words[i], epoch=2, index=i)
        for a, b in zip(alone, together[i], strict=True):
            np.testing.assert_array_equal(a, b)


def test_epoch_seed_and_index_change_the_views(rewriter, lexicon, tagger, texts):
    words = split_words(max(texts, key=len))
    base = rewriter.rewrite(words, epoch=1, index=0)
    others = [
        rewriter.rewrite(words, epoch=2, index=0),
        rewriter.rewrite(words, epoch=1, index=1),
        Rewriter(lexicon, tagger, seed=2).rewrite(words, epoch=1, index=0),
    ]
    for other in others:
        assert other.synonym != base.synonym
        assert other.antonym != base.antonym


def test_python_hash_seed_changes_nothing(rewriter):
    code = (
        "from cline_fairseq.rewriting import *; import sys;"
        f"r = Rewriter(Lexicon.load('en'), Tagger.load('en')).rewrite({SENTENCE.split()!r});"
        "assert 'torch' not in sys.modules and 'fairseq' not in sys.modules;"
        "print(r.synonym, r.antonym)"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in (0, 1)
    }
    here = rewriter.rewrite(SENTENCE.split())
    assert outputs == {f"{here.synonym} {here.antonym}\n"}


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.3, 1.0])
def test_shares_count_words_and_not_punctuation(lexicon, tagger, texts, ratio):
    rewriter = Rewriter(lexicon, tagger, synonym_ratio=ratio, antonym_ratio=ratio)
    for i, text in enumerate(texts[:100]):
        result = rewriter.rewrite(split_words(text), index=i)
        num_words = sum(any(c.isalnum() for c in word) for word in result.original)
        for replaced in (result.synonym_replaced, result.antonym_replaced):
            assert replaced.sum() <= max(ratio * num_words + 0.5, ratio > 0)
    if ratio == 0.1:  # what candidates allow everywhere
        share = np.mean([rewriter.rewrite(split_words(t)).antonym_replaced.mean() for t in texts])
        assert share == pytest.approx(ratio, abs=0.03)


def test_antonyms_come_first(rewriter, texts):
    all_antonyms = Rewriter(
        rewriter.lexicon, rewriter.tagger, antonym_ratio=1, antonym_kinds={Kind.ANTONYM: 1}
    )
    with_random = 0
    for text in texts[:1000]:
        kinds = rewriter.rewrite(split_words(text)).antonym_kinds
        if (kinds == Kind.RANDOM).any():
            # Random words come in only when all antonyms are used up.
            able = all_antonyms.rewrite(split_words(text)).antonym_replaced
            assert (kinds[able] != NOT_REPLACED).all()
            with_random += able.any()
    assert with_random > 10


@pytest.mark.parametrize("match_edits", [False, True])
@pytest.mark.parametrize(("article", "vowel"), [("a", False), ("an", True), ("AN", True)])
def test_articles_stay_right(lexicon, tagger, article, vowel, match_edits):
    """Each candidate that fits is drawn, by its share among them, and no other."""
    number = 3000
    words = ["idea", "area", "end", "effort", "answer", "error", "island", "event", "attempt"]
    words = words if vowel else ["picture", "story", "house", "job", "place", "trip", "fight"]
    for word in words:
        shares = lexicon.candidates(word, "NN", Kind.SYNONYM)
        fitting = {form: s for form, s in shares.items() if starts_with_vowel(form) == vowel}
        if 0 < len(fitting) < len(shares):
            break
    assert 0 < len(fitting) < len(shares)
    rewriter = Rewriter(lexicon, tagger, synonym_ratio=1, antonym_ratio=1, match_edits=match_edits)
    text = ["It", "was", article, word, "."]
    found = Counter()
    for result in rewriter.rewrite_texts([text] * number, 1, range(number)):
        for view in (result.synonym, result.antonym):
            assert view[2] == article
            assert starts_with_vowel(view[3]) == vowel
        found[result.synonym[3]] += result.synonym_kinds[3] == Kind.SYNONYM
    for form, share in fitting.items():
        expected = share / sum(fitting.values())
        assert found[form] / found.total() == pytest.approx(expected, abs=0.04)


def test_an_article_further_off_asks_nothing(lexicon, tagger):
    rewriter = Rewriter(lexicon, tagger, synonym_ratio=1)
    for text in (["a", '"', "picture"], ["picture", "a"], ["the", "picture"]):
        at = text.index("picture")
        results = rewriter.rewrite_texts([text, ["a"]] * 300, 1, range(600))
        vowels = {starts_with_vowel(result.synonym[at]) for result in results[::2]}
        assert vowels == {True, False}


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("The war broke out again .", False),
        ("THE WAR BROKE OUT AGAIN .", False),
        ("The war broke our hearts .", True),
        ("He broke . Up there it was cold .", True),
        ("They broke", True),
    ],
)
def test_verbs_before_particles_stay(lexicon, tagger, text, replaced):
    rewriter = Rewriter(lexicon, tagger, synonym_ratio=1, antonym_ratio=1)
    words = text.split()
    # The particle that begins the next text is not next to the verb.
    results = rewriter.rewrite_texts([words, ["Out", "of", "it"]] * 20, 1, range(40))[::2]
    at = [word.lower() for word in words].index("broke")
    assert any(r.synonym_replaced[at] for r in results) == replaced
    assert any(r.antonym_replaced[at] for r in results) == replaced


TIERS = ({Kind.ANTONYM, Kind.INDIRECT_ANTONYM}, {Kind.COHYPONYM}, {Kind.RANDOM})


@settings(max_examples=30, deadline=None)
@given(
    texts_from=st.integers(0, 300),
    ratio=st.sampled_from([0.1, 0.2, 0.4, 1.0]),
    one_kind=st.booleans(),
    left_out=st.sampled_from([None, *ANTONYM_KINDS]),
)
def test_stand_ins(odd_lexicon, tagger, texts, texts_from, ratio, one_kind, left_out):
    """Antonyms, then co-hyponyms of words without, then random words of words without either."""
    weights = {kind: w for kind, w in ANTONYM_KINDS.items() if kind != left_out}
    rewriter = Rewriter(
        odd_lexicon,
        tagger,
        antonym_ratio=ratio,
        antonym_kinds=weights,
        one_kind_per_text=one_kind,
    )
    words = [split_words(text) for text in texts[texts_from : texts_from + 5]]
    for text, result in zip(words, rewriter.rewrite_texts(words, 1, range(5)), strict=True):
        tags, kinds = tagger.tag(text), result.antonym_kinds
        unused = set()  # tiers of words that were not taken
        for i, (word, kind) in enumerate(zip(text, kinds.tolist(), strict=True)):
            tiers = [
                bool(candidates_at(odd_lexicon, text, tags, i, tier & weights.keys()))
                for tier in TIERS
            ]
            if one_kind:
                tiers[0] = kind in TIERS[0]
            if kind == NOT_REPLACED:
                unused.update([tiers.index(True)] if True in tiers[:2] else [])
            elif case_of(word) != Case.MIXED:
                assert kind in TIERS[tiers.index(True)]
        if ratio < 1 and not one_kind and unused:
            taken = {i for i, tier in enumerate(TIERS) if tier & set(kinds.tolist())}
            assert max(taken, default=0) <= min(unused)


def test_kinds_are_drawn_with_their_candidates(odd_lexicon, tagger):
    """From one list of all kinds, each candidate by its weight times that of its kind."""
    number = 20_000
    weights = {Kind.SYNONYM: 1.0, Kind.HYPERNYM: 0.5, Kind.INFLECTION: 0.25}
    rewriter = Rewriter(odd_lexicon, tagger, synonym_ratio=1, synonym_kinds=weights)
    word = next(
        form
        for form in map(odd_lexicon.forms.__getitem__, range(0, len(odd_lexicon.forms), 7))
        if all(odd_lexicon.candidates(form, "NN", kind) for kind in weights)
        and always_replaced(odd_lexicon, form, "NN")
        and tagger.tag(["The", form, "."])[1] == "NN"
    )
    entry = np.array([odd_lexicon.entry_of[odd_lexicon.form_id[word], TAG_INDEX["NN"]]])
    expected = {}
    for kind, weight in weights.items():
        mass = int(odd_lexicon.mass(entry, kind)[0]) / 255 * weight
        for form, share in odd_lexicon.candidates(word, "NN", kind).items():
            expected[int(kind), form] = expected.get((int(kind), form), 0) + mass * share
    text = ["The", word, "."]
    results = rewriter.rewrite_texts([text] * number, 1, range(number))
    found = Counter((int(r.synonym_kinds[1]), r.synonym[1]) for r in results)
    assert found.keys() <= expected.keys()
    total = sum(expected.values())
    chi_square = sum(
        (found[key] - number * share / total) ** 2 / (number * share / total)
        for key, share in expected.items()
    )
    freedom = len(expected) - 1
    assert chi_square < freedom + 4 * (2 * freedom) ** 0.5


def test_kinds_are_drawn_by_weight(lexicon, tagger, texts):
    rewriter = Rewriter(
        lexicon, tagger, synonym_ratio=1, synonym_kinds={Kind.SYNONYM: 3, Kind.INFLECTION: 1}
    )
    kinds, expected = np.zeros(len(Kind)), 0
    for i, text in enumerate(texts[:300]):
        words = split_words(text)
        tags = tagger.tag(words)
        result = rewriter.rewrite(words, index=i)
        for word, tag, kind in zip(words, tags, result.synonym_kinds, strict=True):
            if kind >= 0 and always_replaced(lexicon, word, tag):
                entry = lexicon.entry_of[lexicon.form_id[word.lower()], [TAG_INDEX[tag]]]
                synonyms, inflections = (
                    weight * int(lexicon.mass(entry, kind)[0])
                    for kind, weight in ((Kind.SYNONYM, 3), (Kind.INFLECTION, 1))
                )
                kinds[kind] += 1
                expected += synonyms / (synonyms + inflections)
    assert kinds[Kind.SYNONYM] / kinds.sum() == pytest.approx(expected / kinds.sum(), abs=0.02)
    assert kinds[Kind.HYPERNYM] == 0


@pytest.mark.parametrize("match_edits", [False, True])
def test_one_kind_per_text(lexicon, tagger, texts, match_edits):
    """One kind of the synonym view, also of what fills up; random words beside the antonyms."""
    rewriter = Rewriter(
        lexicon,
        tagger,
        synonym_kinds=dict.fromkeys(SYNONYM_KINDS, 1),
        match_edits=match_edits,
        one_kind_per_text=True,
    )
    found = set()
    words = [split_words(text) for text in texts[:200]]
    for result in rewriter.rewrite_texts(words, 1, range(200)):
        synonym, antonym = (
            set(kinds[kinds >= 0].tolist())
            for kinds in (result.synonym_kinds, result.antonym_kinds)
        )
        assert len(synonym) <= 1
        assert len(antonym & {Kind.ANTONYM, Kind.INDIRECT_ANTONYM}) <= 1
        assert antonym & set(SYNONYM_KINDS) <= (synonym if match_edits else set())
        found |= synonym
    assert found == set(SYNONYM_KINDS)


def test_matched_words(lexicon, tagger, texts):
    """As many words in both views, within one; the antonym view keeps one that is no synonym."""
    words = [split_words(text) for text in texts[:200]]
    plain = Rewriter(lexicon, tagger).rewrite_texts(words, 1, range(200))
    matched = Rewriter(lexicon, tagger, match_edits=True).rewrite_texts(words, 1, range(200))
    for before, after in zip(plain, matched, strict=True):
        numbers = after.synonym_replaced.sum(), after.antonym_replaced.sum()
        assert abs(numbers[0] - numbers[1]) <= 1
        assert after.has_contrast == before.has_contrast


def test_random_words_only_where_antonyms_are_not_enough(lexicon, tagger, texts):
    words = [split_words(text) for text in texts[:200]]

    def kinds(enough):
        rewriter = Rewriter(lexicon, tagger, enough_antonyms=enough)
        return [r.antonym_kinds for r in rewriter.rewrite_texts(words, 1, range(200))]

    full, half, none = kinds(1.0), kinds(0.5), kinds(0.0)
    assert not any((k == Kind.RANDOM).any() for k in none)
    for before, after, text in zip(full, half, words, strict=True):
        num_words = sum(any(map(str.isalnum, word)) for word in text)
        enough = (Kind.ANTONYM, Kind.INDIRECT_ANTONYM, Kind.COHYPONYM)
        num_antonyms = np.isin(before, enough).sum()
        if num_antonyms < 0.5 * 0.2 * num_words:
            np.testing.assert_array_equal(before, after)
        else:
            assert not (after == Kind.RANDOM).any()


@pytest.mark.parametrize("text", ["synonym=0.6,hypernym=0.4", " synonym=0.6, hypernym=0.4"])
def test_parse_kinds(text):
    found = parse_kinds(text, SYNONYM_KINDS)
    assert found == {Kind.SYNONYM: 0.6, Kind.HYPERNYM: 0.4}
    assert parse_kinds(format_kinds(found), SYNONYM_KINDS) == found


@pytest.mark.parametrize("text", ["", "synonym", "antonym=1", "synonym=much"])
def test_bad_kinds(text):
    with pytest.raises(InputError, match="is not a kind and its weight: expected some of synonym"):
        parse_kinds(text, SYNONYM_KINDS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"synonym_ratio": 1.2}, "synonym ratio must be from 0 to 1, not 1.2"),
        ({"antonym_ratio": -0.1}, "antonym ratio must be from 0 to 1, not -0.1"),
        ({"synonym_kinds": {Kind.SYNONYM: 0}}, "weights of the synonym kinds"),
        ({"enough_antonyms": 2}, "enough_antonyms must be from 0 to 1, not 2"),
    ],
)
def test_bad_options(lexicon, tagger, options, message):
    with pytest.raises(InputError, match=message):
        Rewriter(lexicon, tagger, **options)


@pytest.mark.parametrize(
    ("word", "case", "written"),
    [
        ("mice", Case.LOWER, "rodents"),
        ("Mice", Case.CAPITALISED, "Rodents"),
        ("MICE", Case.UPPER, "RODENTS"),
    ],
)
def test_case(word, case, written):
    assert case_of(word) == case
    assert with_case("rodents", case) == written


def test_mixed_case_is_left_alone(lexicon, tagger):
    rewriter = Rewriter(lexicon, tagger, synonym_ratio=1, antonym_ratio=1)
    words = ["the", "mOuse", "saw", "a", "mouse"]
    replaced = [rewriter.rewrite(words, epoch).synonym_replaced for epoch in range(100)]
    assert not any(mask[1] for mask in replaced)
    assert any(mask[4] for mask in replaced)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The dog barked.", ["The", "dog", "barked", "."]),
        ("I don't know a well-known one!", ["I", "don't", "know", "a", "well-known", "one", "!"]),
        ('He said: "No..."', ["He", "said", ":", '"', "No", '..."']),
        ("", []),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words
