import pytest

from aligned import starts_with_vowel
from cline_fairseq.rewriting.neighbours import Article, article_of


@pytest.mark.parametrize(
    "form",
    [
        *("apple", "early", "idea", "old", "ugly", "hour", "hourly", "honest", "honour", "honor"),
        *("heir", "heirloom", "uninvited", "unimportant", "unidentified", "unusual", "usher"),
        *("urban", "urgent", "utter", "umbrella", "onerous", "only", "eighteen", "x-ray"),
        "unanimated",
    ],
)
def test_after_an(form):
    assert starts_with_vowel(form)


@pytest.mark.parametrize(
    "form",
    [
        *("pear", "young", "house", "honey", "herd", "unit", "university", "unique", "uniform"),
        *("unimodal", "unidirectional", "use", "usual", "using", "utility", "urine", "unanimous"),
        *("one", "once", "one-sided", "european", "euphoria", "ewe", "ubiquitous", "houri"),
        "ukulele",
    ],
)
def test_after_a(form):
    assert not starts_with_vowel(form)


def test_article_of():
    assert [article_of(word) for word in ("a", "A", "an", "An", "AN")] == [
        *(Article.A, Article.A, Article.AN, Article.AN, Article.AN),
    ]
    assert {article_of(word) for word in ("the", "any", "", "a.", "b")} == {Article.NONE}
