import numpy as np
import pytest

from cline_fairseq.data.masking import Masking

MASK_ID = 99


MASKABLE = np.ones(300, bool)


def apply(masking, texts, units=None, seed=0):
    tokens = np.concatenate(texts)
    text = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
    units = np.arange(len(tokens)) if units is None else units
    generators = [np.random.default_rng((seed, i)) for i in range(len(texts))]
    return masking.apply(tokens, text, units, generators)


def test_shares():
    texts = [np.arange(10, 60) for _ in range(2000)]
    masked, predicted = apply(Masking(MASK_ID, MASKABLE), texts)
    tokens = np.concatenate(texts)
    assert predicted.mean() == pytest.approx(0.15, abs=0.002)
    # Each text has its share, up to the fraction of a token.
    assert set(predicted.reshape(2000, 50).sum(1)) == {7, 8}
    of_predicted = masked[predicted]
    assert (of_predicted == MASK_ID).mean() == pytest.approx(0.8, abs=0.01)
    # Random tokens are any of 300, the right one among them.
    same = of_predicted == tokens[predicted]
    assert same.mean() == pytest.approx(0.1 + 0.1 / 300, abs=0.01)
    assert (~same & (of_predicted != MASK_ID)).mean() == pytest.approx(0.1, abs=0.01)
    assert len(set(of_predicted.tolist())) > 290
    np.testing.assert_array_equal(masked[~predicted], tokens[~predicted])


def test_special_tokens_stay():
    texts = [np.arange(10, 30)] * 50
    maskable = np.arange(300) % 2 == 0
    masked, predicted = apply(Masking(MASK_ID, maskable, prob=1), texts)
    tokens = np.concatenate(texts)
    np.testing.assert_array_equal(predicted, tokens % 2 == 0)
    assert not (masked[predicted & (masked != MASK_ID)] % 2).any()


def test_whole_words():
    texts = [np.arange(10, 40)] * 100
    starts = np.repeat(np.arange(0, 3000, 3), 3)
    _, predicted = apply(Masking(MASK_ID, MASKABLE), texts, units=starts)
    words = predicted.reshape(-1, 3)
    assert (words.all(1) | ~words.any(1)).all()
    assert predicted.mean() == pytest.approx(0.15, abs=0.01)


def test_words_too_long_to_mask():
    texts = [np.arange(10, 70)] * 10
    starts = np.repeat(np.arange(0, 600, 60), 60)  # one word a text
    _, predicted = apply(Masking(MASK_ID, MASKABLE), texts, units=starts)
    assert not predicted.any()


def test_a_word_with_a_token_that_is_never_masked():
    maskable = np.arange(300) != 11
    starts = np.repeat(np.arange(0, 30, 3), 3)
    _, predicted = apply(Masking(MASK_ID, maskable, prob=1), [np.arange(10, 40)], units=starts)
    assert predicted.sum() in (24, 27)  # all of the other words, or nearly
    assert not predicted[:3].any()


def test_a_text_alone_and_in_company():
    texts = [np.arange(10, 10 + n) for n in (1, 30, 7)]
    masking = Masking(MASK_ID, MASKABLE, prob=0.5)
    masked, predicted = apply(masking, texts)
    tokens = texts[1]
    generator = [np.random.default_rng((0, 1))]
    n = len(tokens)
    alone = masking.apply(tokens, np.zeros(n, int), np.arange(n), generator)
    np.testing.assert_array_equal(masked[1:31], alone[0])
    np.testing.assert_array_equal(predicted[1:31], alone[1])


def test_nothing_to_mask():
    _, predicted = apply(Masking(MASK_ID, MASKABLE, prob=0), [np.arange(5)] * 3)
    assert not predicted.any()
