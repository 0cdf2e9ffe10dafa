"""Describes fairseq's dictionary and tokenizer to the rewriter."""

from collections.abc import Mapping
from typing import Any

from fairseq.data import Dictionary
from omegaconf import DictConfig, OmegaConf

from ..dictionary import SymbolKind
from ..errors import InputError
from ..rewriting.vocabulary import UNKNOWN_PIECE, Vocabulary
from ..tokenizer import FILES, SPACE, SUPPORTED, Tokenizer


def load_tokenizer(
    config: DictConfig | Mapping[str, Any] | None, dictionary: Dictionary
) -> Tokenizer:
    """Load the tokenizer of a corpus, with which words are found in blocks of subwords.

    Args:
        config: fairseq's configuration of ``--bpe``.
        dictionary: of the corpus.

    Raises:
        InputError: if the tokenizer is not supported, samples or cannot be read, or if the
            dictionary was made for another tokenizer.
    """
    given: Any = config or {}
    config = OmegaConf.create(given)
    name = config.get("_name")
    if name not in SUPPORTED:
        raise InputError(
            f"the task cline finds words in subwords with the tokenizer, which must be one of "
            f"{', '.join(SUPPORTED)}, not {name!r}: specify the options that the corpus was "
            "encoded with, e.g. --bpe sentencepiece --sentencepiece-model FILE, --bpe gpt2 "
            "--gpt2-encoder-json FILE --gpt2-vocab-bpe FILE, or --bpe bert --bpe-vocab-file FILE"
        )
    if config.get("sentencepiece_enable_sampling"):
        raise InputError(
            "--sentencepiece-enable-sampling would make replacements differ from run to run: "
            "omit it"
        )
    for option in FILES[name]:
        if OmegaConf.is_missing(config, option) or config.get(option) is None:
            raise InputError(f"--bpe {name} needs --{option.replace('_', '-')} FILE")
    options: Any = OmegaConf.to_container(config)
    return Tokenizer(options, dictionary)


def build_vocabulary(
    dictionary: Dictionary, config: DictConfig | Mapping[str, Any] | None
) -> Vocabulary:
    """Describe the subwords of a dictionary to the rewriter.

    Letters that the tokenizer does not know are treated like ``<unk>``, even if the dictionary has
    a symbol for them: the rewriter cannot tell which word they belong to.

    Args:
        dictionary: of the corpus.
        config: fairseq's configuration of ``--bpe``.

    Raises:
        InputError: see :func:`load_tokenizer`.
    """
    tokenizer = load_tokenizer(config, dictionary)
    pieces: list[bytes | None] = []
    begins = []
    for i, (symbol, kind) in enumerate(zip(dictionary.symbols, tokenizer.kinds, strict=True)):
        if kind == SymbolKind.PIECE:
            piece, begin = tokenizer.model.letters(symbol)
        elif kind == SymbolKind.LETTERS or i == dictionary.unk():
            piece = UNKNOWN_PIECE
            begin = symbol.startswith(SPACE) or not tokenizer.model.has_spaces
        else:
            piece, begin = None, True
        pieces.append(piece)
        begins.append(begin)
    return Vocabulary(pieces, begins, WordEncoder(tokenizer), tokenizer.model.has_spaces)


class WordEncoder:
    """Encodes the words that the rewriter inserts.

    Args:
        tokenizer: of the corpus.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        kinds = enumerate(tokenizer.kinds)
        letters = [i for i, kind in kinds if kind == SymbolKind.LETTERS]
        self._unknown = {tokenizer.dictionary.index("<unk>"), *letters}

    def __call__(self, text: str) -> list[int]:
        """Encode a text to ids, or return [] if that is impossible without unknown tokens."""
        index, symbols = self._tokenizer.dictionary.index, self._tokenizer.model.text(text)
        ids = [index(symbol) for symbol in symbols.split()]
        if not self._unknown.isdisjoint(ids) or self._loses_letters(text, symbols):
            return []
        return ids

    def _loses_letters(self, text, symbols):
        """Whether the symbols lack accents of a text; they may then be those of another word."""
        model = self._tokenizer.model
        if model.has_spaces:
            return False
        letters = b"".join(model.letters(symbol)[0] for symbol in symbols.split())
        return letters != "".join(text.split()).encode()
