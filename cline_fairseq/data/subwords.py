"""What the rewriter must know of fairseq's dictionary and subword tokenizer."""

from fairseq.data import Dictionary, encoders
from fairseq.data.encoders.sentencepiece_bpe import SentencepieceBPE
from omegaconf import DictConfig, OmegaConf

from ..errors import InputError
from ..options import MADE_UP, MASK, SPACE, SUPPORTED, require_fit
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
        return encoders.build_bpe(config)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the tokenizer of --bpe {name} cannot be loaded: {error}; check the paths of its files"
        ) from error


def build_vocabulary(dictionary: Dictionary, config: DictConfig | dict | None) -> Vocabulary:
    """Describe the subwords of a dictionary, with the tokenizer of :func:`build_subwords`.

    Raises:
        InputError: if there is no such tokenizer, or the dictionary was made for another one.
    """
    encoder = Encoder(dictionary, config)
    pieces: list[bytes | None] = []
    begins = []
    unknown = 0
    for i, symbol in enumerate(dictionary.symbols):
        if i == dictionary.unk():
            piece, begin = UNKNOWN, False  # letters of a word that nobody knows
        elif i < dictionary.nspecial or symbol == MASK or symbol.startswith(MADE_UP):
            piece, begin = None, True
        else:
            piece, begin = encoder.piece(symbol)
            unknown += piece is None
        pieces.append(piece)
        begins.append(begin)
    require_fit(unknown, len(dictionary))
    return Vocabulary(pieces, begins, encoder)


class Encoder:
    """Encodes text to ids of the dictionary; a copy in another process loads the tokenizer anew."""

    def __init__(self, dictionary: Dictionary, config: DictConfig | dict | None):
        self._dictionary, self._config = dictionary, config
        self._subwords = build_subwords(config)

    def __call__(self, text: str) -> list[int]:
        """The ids of a text, none if it cannot be written without unknown tokens."""
        ids = [self._dictionary.index(symbol) for symbol in self._subwords.encode(text).split()]
        return [] if self._dictionary.unk() in ids else ids

    def __reduce__(self):
        return type(self), (self._dictionary, self._config)

    def piece(self, symbol: str) -> tuple[bytes | None, bool]:
        """The letters of a subword, without the space before a word, and whether it begins one.

        None for a symbol that the tokenizer does not know.
        """
        if isinstance(self._subwords, SentencepieceBPE):
            model = self._subwords.sp
            if model.piece_to_id(symbol) == model.unk_id():
                return None, True
            return self._subwords.decode(symbol).encode(), symbol.startswith(SPACE)
        # One of GPT-2's may be a part of a letter, which fairseq cannot decode.
        bpe = self._subwords.bpe
        if not symbol.isdigit() or int(symbol) not in bpe.decoder:
            return None, True
        letters = bytes(bpe.byte_decoder[c] for c in bpe.decoder[int(symbol)])
        return letters.strip(), letters.startswith(b" ")
