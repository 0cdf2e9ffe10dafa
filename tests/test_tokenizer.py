"""Our encoders against fairseq's own."""

import lzma
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from fairseq.data import Dictionary, encoders
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from cline_fairseq.dictionary import PlainDictionary
from cline_fairseq.errors import InputError
from cline_fairseq.tokenizer import Tokenizer, load_subword_model
from helpers import ODD_WORDS, TOKENIZER, sentencepiece_options

ODD_LINES = ["", "犬 and 🙂犬犬", "a\u00a0b\u3000c", "tabs\tand\x1fcontrols\x85", "  two  spaces  "]


@pytest.fixture(scope="module", params=["sentencepiece", "gpt2"])
def pair(request, corpus):
    """Our tokenizer, fairseq's encoder and dictionary."""
    if request.param == "sentencepiece":
        options, path = sentencepiece_options(corpus), corpus / "dict.txt"
    else:
        folder, options = request.getfixturevalue("gpt2_corpus")
        path = folder / "dict.txt"
    theirs = encoders.build_bpe(OmegaConf.create(options))
    return Tokenizer(options, PlainDictionary(path)), theirs, Dictionary.load(str(path))


def check(pair, lines):
    ours, theirs, dictionary = pair
    symbols = [theirs.encode(line) if line else "" for line in lines]
    assert [ours.model.text(line) if line else "" for line in lines] == symbols
    expected = [dictionary.encode_line(s, add_if_not_exist=False).tolist() for s in symbols]
    flat, lengths, _ = ours.index(lines)
    assert lengths.tolist() == list(map(len, expected))
    np.testing.assert_array_equal(flat, np.concatenate([[], *expected]))


def test_real_text(pair, texts):
    check(pair, [*texts[:400], *ODD_LINES])
    check(pair, [])


@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.lists(ODD_WORDS, max_size=8).map(" ".join), max_size=6))
def test_any_text(pair, lines):
    known = "".join(c for line in lines for c in line if unicodedata.category(c) not in "Cn Cs")
    check(pair, [known, *("".join(c for c in line if c in known) for line in lines)])


def test_all_characters(pair):
    """Letters, numbers, signs and spaces of all scripts, between letters and alone."""
    common = (chr(c) for c in range(sys.maxunicode) if c < 0x3400 or 0xA000 <= c < 0xAC00)
    rare = (chr(c) for c in range(0xF900, 0x20000))
    known = [c for c in (*common, *rare) if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
    assert len(known) > 30_000
    check(pair, [f"a{c}b {c}1 {c}  {c}!{c}{c}." for c in known])


def test_gpt2_on_a_corpus():
    """$CORPUS/valid.txt.xz with GPT-2's own files in $GPT2_BPE, where both are at hand."""
    corpus, bpe = (Path(os.environ.get(name, "missing")) for name in ("CORPUS", "GPT2_BPE"))
    if not ((corpus / "valid.txt.xz").exists() and (bpe / "vocab.bpe").exists()):
        pytest.skip("set CORPUS and GPT2_BPE to compare on valid.txt.xz with GPT-2's own BPE")
    files = [str(bpe / name) for name in ("encoder.json", "vocab.bpe")]
    options = {"_name": "gpt2", "gpt2_encoder_json": files[0], "gpt2_vocab_bpe": files[1]}
    ours, theirs = load_subword_model(options), encoders.build_bpe(OmegaConf.create(options))
    tokens = 0
    with lzma.open(corpus / "valid.txt.xz", "rt", encoding="utf-8") as lines:
        for line in filter(None, map(str.strip, lines)):
            symbols = ours.text(line)
            assert symbols == theirs.encode(line)
            tokens += len(symbols.split())
    assert tokens > 100_000


def test_wrong_files(corpus, gpt2_corpus, tmp_path):
    _folder, gpt2 = gpt2_corpus
    with pytest.raises(InputError, match=r"dict\.txt is not a SentencePiece model"):
        load_subword_model(
            {"_name": "sentencepiece", "sentencepiece_model": str(corpus / "dict.txt")}
        )
    with pytest.raises(InputError, match=r"are not a GPT-2 BPE"):
        load_subword_model({**gpt2, "gpt2_encoder_json": str(corpus / TOKENIZER)})
    with pytest.raises(InputError, match=r"are not a GPT-2 BPE"):
        load_subword_model({**gpt2, "gpt2_vocab_bpe": str(tmp_path / "missing")})
    with pytest.raises(InputError, match=r"the dictionary does not fit the tokenizer"):
        Tokenizer(gpt2, PlainDictionary(corpus / "dict.txt"))
