"""What the rewriter must know of fairseq's dictionary and subword tokenizer."""

from fairseq.data import Dictionary, encoders
from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE
from omegaconf import DictConfig, OmegaConf

from ..byte_pairs import require_merges
from ..dictionary import SymbolKind, kinds_of
from ..errors import InputError
from ..options import SPACE, SUPPORTED
from ..rewriting.blocks import UNKNOWN, Vocabulary


def build_subwords(config: DictConfig | dict | None):
    """Build fairseq's subword tokenizer from the options of ``--bpe``: their name in ``_name``.

    Raises:
        InputError: if there is none, or one whose words cannot be found in a block of subwords.
    """
    config = OmegaConf.create(config or {})
    name = config.get("_name")
    if name not in SUPPORTED:
        raise InputError(
            f"the task cline finds words in subwords with the tokenizer, which must be one of "
            f"{', '.join(SUPPORTED)}, not {name!r}: give the options that the corpus was encoded "
            "with, as --bpe sentencepiece --sentencepiece-model FILE or --bpe gpt2 "
            "--gpt2-encoder-json FILE --gpt2-vocab-bpe FILE"
        )
    if config.get("sentencepiece_enable_sampling"):
        raise InputError(
            "--sentencepiece-enable-sampling would make replacements differ from run to run: "
            "leave it out"
        )
    if name == "sentencepiece" and OmegaConf.is_missing(config, "sentencepiece_model"):
        raise InputError("--bpe sentencepiece needs --sentencepiece-model FILE")
    try:
        subwords = encoders.build_bpe(config)
        if name == "gpt2":
            require_merges(subwords.bpe.encoder, subwords.bpe.bpe_ranks)
        return subwords
    except (AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"the tokenizer of --bpe {name} cannot be loaded: {error}; check the paths of its files"
        ) from error


def build_vocabulary(dictionary: Dictionary, config: DictConfig | dict | None) -> Vocabulary:
    """Describe the subwords of a dictionary, with the tokenizer of :func:`build_subwords`.

    Letters that the tokenizer does not know are no better than ``<unk>``, also where the
    dictionary has a symbol for them: the rewriter cannot tell what word they are of.

    Raises:
        InputError: if there is no such tokenizer, or the dictionary was made for another one.
    """
    encoder = Encoder(dictionary, config)
    pieces: list[bytes | None] = []
    begins = []
    for i, (symbol, kind) in enumerate(zip(dictionary.symbols, encoder.kinds, strict=True)):
        if kind == SymbolKind.PIECE:
            piece, begin = encoder.piece(symbol)
        elif kind == SymbolKind.LETTERS or i == dictionary.unk():
            piece, begin = UNKNOWN, symbol.startswith(SPACE)
        else:
            piece, begin = None, True
        pieces.append(piece)
        begins.append(begin)
    return Vocabulary(pieces, begins, encoder)


class Encoder:
    """Encodes text to ids of the dictionary; a copy in another process loads the tokenizer anew.

    Attributes:
        kinds: of the symbols of the dictionary.
        lacking: pieces of the tokenizer that the dictionary does not have.

    Raises:
        InputError: if there is no such tokenizer, or the dictionary was made for another one.
    """

    def __init__(self, dictionary: Dictionary, config: DictConfig | dict | None):
        self._dictionary, self._config = dictionary, config
        self.subwords = build_subwords(config)
        self._is_sentencepiece = isinstance(self.subwords, SentencepieceBPE)
        pieces = self._pieces()
        self.kinds = kinds_of(dictionary.symbols, pieces, self._is_sentencepiece)
        self.lacking = pieces.difference(dictionary.symbols)
        unknown = [i for i, kind in enumerate(self.kinds) if kind == SymbolKind.LETTERS]
        self._unknown = {dictionary.unk(), *unknown}

    def __call__(self, text: str) -> list[int]:
        """The ids of a text, none if it cannot be written without unknown tokens."""
        ids = [self._dictionary.index(symbol) for symbol in self.subwords.encode(text).split()]
        return ids if self._unknown.isdisjoint(ids) else []

    def __reduce__(self):
        return type(self), (self._dictionary, self._config)

    def piece(self, symbol: str) -> tuple[bytes, bool]:
        """The letters of a piece, without the space before a word, and whether it begins one."""
        if self._is_sentencepiece:
            return self.subwords.decode(symbol).encode(), symbol.startswith(SPACE)
        # One of GPT-2's may be a part of a letter, which fairseq cannot decode.
        bpe = self.subwords.bpe
        letters = bytes(bpe.byte_decoder[c] for c in bpe.decoder[int(symbol)])
        return letters.strip(), letters.startswith(b" ")

    def _pieces(self):
        """The symbols that the tokenizer knows, without the unknown one."""
        if self._is_sentencepiece:
            model = self.subwords.sp
            ids = range(model.get_piece_size())
            return {model.id_to_piece(i) for i in ids if i != model.unk_id()}
        return set(map(str, self.subwords.bpe.decoder))
