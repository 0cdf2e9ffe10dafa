"""Byte-level BPE of GPT-2 and RoBERTa: fairseq's three files, and Hugging Face's vocabulary.

fairseq numbers the tokens twice: encoder.json gives each a number, which is a symbol of dict.txt.
Hugging Face has one vocabulary, from tokens to rows of the table of embeddings. See
https://github.com/openai/gpt-2/blob/master/src/encoder.py for the numbers of GPT-2.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tokenizers

from ..byte_pairs import Merges, read_byte_pairs, tokens_made, write_byte_pairs
from ..dictionary import is_special
from ..errors import InputError
from .parameter_names import first_of


class ByteLevelBPE(NamedTuple):
    """fairseq's view of a byte-level BPE.

    Attributes:
        symbols: of the dictionary, from its first row on.
        encoder: number of each token, as in GPT-2: bytes first, then merges in their order.
        merges: pairs of tokens, the first ones first.
    """

    symbols: list[str]
    encoder: dict[str, int]
    merges: Merges

    def save(self, folder: Path) -> None:
        """Write the files that fairseq's ``--bpe gpt2`` reads."""
        write_byte_pairs(folder, self.encoder, self.merges)


def to_hf(config: dict, symbols: Sequence[str]) -> tokenizers.Tokenizer:
    """The fast tokenizer, without special tokens.

    Args:
        config: fairseq's configuration of ``--bpe gpt2``.
        symbols: of the whole dictionary, with ``<mask>``.

    Raises:
        InputError: if the dictionary lacks tokens that the BPE makes.
    """
    encoder, merges = read_byte_pairs(config["gpt2_encoder_json"], config["gpt2_vocab_bpe"])
    tokens = {str(number): token for token, number in encoder.items()}
    vocabulary = {tokens.get(symbol, symbol): i for i, symbol in enumerate(symbols)}
    missing = set(tokens_made(merges)) - vocabulary.keys()
    if missing:
        raise InputError(
            f"the dictionary lacks {len(missing):,} tokens of the BPE ({first_of(missing)}), which "
            "Hugging Face's tokenizers cannot read as <unk>: it cannot be exported"
        )
    if len(vocabulary) < len(symbols):
        raise InputError("the dictionary has a token of the BPE twice: it cannot be exported")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def from_hf(vocabulary: Sequence[str], merges: Merges) -> ByteLevelBPE:
    """fairseq's numbers and symbols.

    Args:
        vocabulary: tokens by row; special tokens as fairseq has them.
        merges: of the BPE.

    Raises:
        InputError: if the vocabulary is none of a byte-level BPE.
    """
    encoder = {token: number for number, token in enumerate(tokens_made(merges))}
    missing = encoder.keys() - set(vocabulary)
    if missing:
        raise InputError(
            f"the vocabulary lacks {len(missing):,} tokens that its merges make "
            f"({first_of(missing)}): it is none of a byte-level BPE as GPT-2's"
        )
    symbols = []
    for token in vocabulary:
        if is_special(token):
            symbols.append(token)
        else:
            # No text becomes one that is not made of bytes, as GPT-2's <|endoftext|>.
            symbols.append(str(encoder.setdefault(token, len(encoder))))
    return ByteLevelBPE(symbols, encoder, merges)
