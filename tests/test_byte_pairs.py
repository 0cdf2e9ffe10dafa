"""Merges and vocabularies of GPT-2's BPE that do not belong together are refused."""

import json

import pytest
from fairseq.data.encoders.gpt2_bpe_utils import bytes_to_unicode

from cline_fairseq.byte_pairs import BYTE_OF_LETTER, require_merges
from cline_fairseq.errors import InputError
from cline_fairseq.tokenizer import load_subword_model

MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the")]
VOCABULARY = {*BYTE_OF_LETTER, "th", "the", "Ġthe"}


def test_letters_of_bytes():
    assert {letter: byte for byte, letter in bytes_to_unicode().items()} == BYTE_OF_LETTER


def test_tokens_that_no_text_becomes():
    require_merges({*VOCABULARY, "<|endoftext|>", "<mask>", "madeupword0001", "[SEP]"}, MERGES)


@pytest.mark.parametrize("left", [0, 1, 2])
def test_merges_that_are_cut(left):
    with pytest.raises(InputError, match=rf"{3 - left} tokens .* not produced by .*cut off"):
        require_merges(VOCABULARY, MERGES[:left])


@pytest.mark.parametrize("missing", ["the", "a"])
def test_vocabularies_that_lack_tokens(missing):
    with pytest.raises(InputError, match=f"lacks 1 tokens .*{missing}"):
        require_merges(VOCABULARY - {missing}, MERGES)


def test_files_that_are_cut(gpt2_corpus, tmp_path):
    _, options = gpt2_corpus
    load_subword_model(options)
    with open(options["gpt2_vocab_bpe"], encoding="utf-8") as file:
        lines = file.readlines()
    path = tmp_path / "vocab.bpe"
    for part in (lines[:-1], lines[:1], [], [*lines[:-1], lines[-1].rstrip("\n")]):
        path.write_text("".join(part), encoding="utf-8")
        with pytest.raises(InputError, match="not produced by any merge"):
            load_subword_model({**options, "gpt2_vocab_bpe": str(path)})
    with open(options["gpt2_encoder_json"], encoding="utf-8") as file:
        vocabulary = json.load(file)
    path = tmp_path / "encoder.json"
    for broken in (dict(list(vocabulary.items())[5:]), list(vocabulary), {}):
        path.write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(InputError, match=r"gpt2|GPT-2"):
            load_subword_model({**options, "gpt2_encoder_json": str(path)})
