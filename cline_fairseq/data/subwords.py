"""What the rewriter must know of fairseq's dictionary and subword tokenizer."""

import argparse

from fairseq.data import Dictionary, encoders
from omegaconf import DictConfig, OmegaConf

from ..errors import InputError
from ..rewriting.blocks import UNKNOWN, Vocabulary

SUPPORTED = ("sentencepiece", "gpt2")
MASK = "<mask>"


def add_subwords_options(parser: argparse.ArgumentParser) -> None:
    """Give a program the options of the tokenizer, named as in fairseq."""
    parser.add_argument("--bpe", choices=SUPPORTED, required=True, help="the subword tokenizer")
    parser.add_argument("--sentencepiece-model", help="the model of --bpe sentencepiece")
    parser.add_argument("--gpt2-encoder-json", help="encoder.json of --bpe gpt2")
    parser.add_argument("--gpt2-vocab-bpe", help="vocab.bpe of --bpe gpt2")


def subwords_config(args: argparse.Namespace) -> dict:
    """What :func:`build_subwords` takes, of these options.

    Raises:
        InputError: if a file is not named.
    """
    names = {
        "sentencepiece": ["sentencepiece_model"],
        "gpt2": ["gpt2_encoder_json", "gpt2_vocab_bpe"],
    }
    options = {name: getattr(args, name) for name in names[args.bpe]}
    for name, value in options.items():
        if value is None:
            raise InputError(f"--bpe {args.bpe} needs --{name.replace('_', '-')} FILE")
    if args.bpe == "sentencepiece":
        options |= {"sentencepiece_enable_sampling": False, "sentencepiece_alpha": None}
    return {"_name": args.bpe, **options}


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
    except (OSError, ValueError) as error:
        raise InputError(
            f"the tokenizer of --bpe {name} cannot be loaded: {error}; check the paths of its files"
        ) from error


def build_vocabulary(dictionary: Dictionary, subwords) -> Vocabulary:
    """Describe the subwords of a dictionary.

    Raises:
        InputError: if the dictionary was made for another tokenizer.
    """
    _check_match(dictionary, subwords)
    texts: list[str | None] = []
    begins = []
    for i, symbol in enumerate(dictionary.symbols):
        if i == dictionary.unk():
            text, begin = UNKNOWN, False  # letters of a word that nobody knows
        elif i < dictionary.nspecial or symbol == MASK or symbol.startswith("madeupword"):
            text, begin = None, True
        else:
            text, begin = _text_of(symbol, subwords), subwords.is_beginning_of_word(symbol)
        texts.append(text)
        begins.append(begin)

    def encode(text: str) -> list[int]:
        ids = [dictionary.index(symbol) for symbol in subwords.encode(text).split()]
        return [] if dictionary.unk() in ids else ids

    return Vocabulary(texts, begins, encode)


def _text_of(symbol, subwords):
    try:
        return subwords.decode(symbol).strip()
    except (KeyError, ValueError):
        raise InputError(
            f"the dictionary holds {symbol!r}, which is no subword of the tokenizer: give the "
            "tokenizer that the corpus was encoded with"
        ) from None


def _check_match(dictionary, subwords):
    """A dictionary of another tokenizer lacks most subwords of any text."""
    sample = "The people of this country have seen many good years, and there was more to do."
    symbols = subwords.encode(sample).split()
    known = sum(dictionary.index(symbol) != dictionary.unk() for symbol in symbols)
    if known < 0.5 * len(symbols):
        raise InputError(
            f"the dictionary ({len(dictionary):,} types) does not fit the tokenizer: it has only "
            f"{known} of the {len(symbols)} subwords of an English sentence; give the tokenizer "
            "that the corpus was encoded with"
        )
