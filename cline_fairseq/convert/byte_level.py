"""Convert byte-level BPE, as of GPT-2 and RoBERTa, between fairseq and Hugging Face.

fairseq numbers tokens twice: encoder.json maps each token to a number, and that number is a symbol
of dict.txt. Hugging Face has one vocabulary, which maps tokens to rows of the embedding matrix. See
https://github.com/openai/gpt-2/blob/master/src/encoder.py for GPT-2's numbers.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers

from ..byte_pairs import Merges, read_byte_pairs, tokens_made, write_byte_pairs
from ..dictionary import is_special
from ..errors import InputError
from .parameter_names import first_of


class ByteLevelBPE(NamedTuple):
    """A byte-level BPE as fairseq represents it.

    Attributes:
        symbols: the symbols of the dictionary, including the special ones.
        encoder: number of each token, as in GPT-2: bytes first, then merges in their order.
        merges: pairs of tokens, in order of priority.
    """

    symbols: list[str]
    encoder: dict[str, int]
    merges: Merges

    def save(self, folder: Path) -> None:
        """Write the files that fairseq's ``--bpe gpt2`` reads."""
        write_byte_pairs(folder, self.encoder, self.merges)


def to_hf(config: Mapping[str, Any], symbols: Sequence[str]) -> tokenizers.Tokenizer:
    """Build the fast tokenizer, without special tokens.

    Args:
        config: fairseq's configuration for ``--bpe gpt2``.
        symbols: all symbols of the dictionary, including ``<mask>``.

    Raises:
        InputError: if the dictionary lacks tokens that the BPE produces.
    """
    encoder, merges = read_byte_pairs(config["gpt2_encoder_json"], config["gpt2_vocab_bpe"])
    tokens = {str(number): token for token, number in encoder.items()}
    vocabulary = {tokens.get(symbol, symbol): i for i, symbol in enumerate(symbols)}
    missing = set(tokens_made(merges)) - vocabulary.keys()
    if missing:
        raise InputError(
            f"the dictionary lacks {len(missing):,} tokens of the BPE ({first_of(missing)}), which "
            "Hugging Face's tokenizers cannot map to <unk>: it cannot be exported"
        )
    if len(vocabulary) < len(symbols):
        raise InputError("the dictionary has a token of the BPE twice: it cannot be exported")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


def from_hf(vocabulary: Sequence[str], merges: Merges) -> ByteLevelBPE:
    """Convert the vocabulary to fairseq's numbers and symbols.

    Args:
        vocabulary: tokens by row; special tokens must be those of fairseq.
        merges: pairs of tokens, in order of priority.

    Raises:
        InputError: if it is not the vocabulary of a byte-level BPE.
    """
    encoder = {token: number for number, token in enumerate(tokens_made(merges))}
    missing = encoder.keys() - set(vocabulary)
    if missing:
        raise InputError(
            f"the vocabulary lacks {len(missing):,} tokens that its merges produce "
            f"({first_of(missing)}): it is not a byte-level BPE like GPT-2's"
        )
    symbols = []
    for token in vocabulary:
        if is_special(token):
            symbols.append(token)
        else:
            # Text never becomes a token that is not made of bytes, such as <|endoftext|>.
            symbols.append(str(encoder.setdefault(token, len(encoder))))
    return ByteLevelBPE(symbols, encoder, merges)
