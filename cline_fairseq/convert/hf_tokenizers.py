"""Read the tokenizer in a Hugging Face folder as fairseq's dictionary and files."""

import shutil
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import tokenizers

from ..byte_pairs import require_merges
from ..checkpoint_files import DICTIONARY, SENTENCEPIECE_MODEL, WORD_PIECES, tokenizer_in
from ..dictionary import MASK, SPECIAL, PlainDictionary, SymbolKind, is_special, kinds_of
from ..errors import InputError, MissingFileError
from ..tokenizer import Tokenizer
from . import bert, camembert, sentence_pieces
from .byte_level import ByteLevelBPE, Merges
from .byte_level import from_hf as byte_level_from_hf
from .json_files import read_json
from .parameter_names import first_of
from .tokenizer_check import PROBES, probes_of, require_same
from .word_piece_files import (
    WordPieceFiles,
    read_word_pieces,
    read_word_pieces_of_roberta,
)

_FAST, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
_VOCAB, _MERGES = "vocab.json", "merges.txt"
_SENTENCEPIECE_MODELS = (SENTENCEPIECE_MODEL, "sentencepiece.model", "spiece.model")


class ImportedTokenizer(NamedTuple):
    """A tokenizer as fairseq represents it.

    Attributes:
        symbols: all symbols of the dictionary, including ``<mask>``.
        bpe: fairseq's name of the tokenizer.
        files: the files of GPT-2's BPE or of WordPiece, or the path of the SentencePiece model.
        rows: the row of each symbol in Hugging Face's vocabulary; empty if they are the same.
    """

    symbols: list[str]
    bpe: str
    files: ByteLevelBPE | Path | WordPieceFiles
    rows: list[int] = []  # noqa: RUF012  of a tuple, which is never changed

    def save(self, folder: Path) -> None:
        """Write the files of the tokenizer, but not the dictionary."""
        if isinstance(self.files, Path):
            shutil.copyfile(self.files, folder / SENTENCEPIECE_MODEL)
        else:
            self.files.save(folder)


def read_tokenizer(folder: Path, kind: str = "roberta") -> ImportedTokenizer:
    """Read the tokenizer of a model.

    Args:
        folder: of Hugging Face.
        kind: the model_type: WordPiece with BERT's special tokens for BERT and its variants,
            SentencePiece with its own numbering for CamemBERT, otherwise any tokenizer with
            RoBERTa's special tokens.

    Raises:
        MissingFileError: if the folder has no tokenizer.
        InputError: if it is of another kind, or if fairseq's would split texts differently.
    """
    if kind in bert.MODEL_TYPES:
        files = read_word_pieces(folder)
        return ImportedTokenizer(files.symbols, "bert", files, files.rows)
    if kind == "camembert":
        return _of_camembert(folder)
    if (folder / _FAST).is_file():
        return _of_fast(folder)
    if (folder / _VOCAB).is_file() and (folder / _MERGES).is_file():
        return _byte_level_of_files(folder)
    if _sentencepiece_model(folder):
        return _sentencepiece(folder, None)
    if (folder / WORD_PIECES).is_file():
        raise _of_other_kind(folder / WORD_PIECES, "WordPiece")
    raise MissingFileError(
        f"no tokenizer in {folder}: it needs {_FAST}, or {_VOCAB} and {_MERGES}, or "
        f"{SENTENCEPIECE_MODEL}"
    )


def require_same_as_fast(folder: Path, imported: Path, rows: Sequence[int] = ()) -> None:
    """Make sure that fairseq splits text like the fast tokenizer, if the folder has one.

    Args:
        folder: the Hugging Face folder.
        imported: the folder with dict.txt and the files of fairseq's tokenizer.
        rows: for each symbol, its row in Hugging Face's vocabulary; empty if they are the same.

    Raises:
        InputError: if the two differ.
    """
    path = folder / _FAST
    if not path.is_file():
        return
    try:
        fast = tokenizers.Tokenizer.from_file(str(path))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the library is not an Exception
        raise InputError(f"{path} is not a Hugging Face tokenizer: {error}") from error
    dictionary = PlainDictionary(imported / DICTIONARY)
    files = tokenizer_in([imported])
    assert files is not None  # they have just been written
    tokenizer = Tokenizer(files.config(), dictionary)
    fast.no_padding()
    fast.no_truncation()

    def ours(lines: list[str]) -> list[list[int]]:
        found = [row.tolist() for row in tokenizer.rows(lines)]
        return [[rows[i] for i in row] for row in found] if rows else found

    require_same(
        lambda lines: [fast.encode(line, add_special_tokens=False).ids for line in lines],
        ours,
        probes_of(tokenizer, PROBES),
        f"{path} splits texts differently from fairseq with the same vocabulary",
    )


def _of_fast(folder):
    path = folder / _FAST
    tokenizer = read_json(path)
    try:
        kind = _kind(tokenizer["model"])
        if kind == "BPE":
            return _byte_level_of_fast(path, tokenizer)
        if kind == "Unigram":
            return _sentencepiece(folder, _vocabulary_of_fast(path, tokenizer))
        if kind == "WordPiece" and (folder / WORD_PIECES).is_file():
            symbols = _vocabulary_of_fast(path, tokenizer)
            files = read_word_pieces_of_roberta(folder, symbols)
            return ImportedTokenizer(files.symbols, "bert", files)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a Hugging Face tokenizer: {error!r}") from error
    raise _of_other_kind(path, kind)


def _kind(model):
    """The kind of the model, which files of early versions do not record."""
    if "type" in model:
        return model["type"]
    if isinstance(model["vocab"], list):
        return "Unigram"
    return "BPE" if "merges" in model else "WordPiece"


def _byte_level_of_fast(path, tokenizer):
    model, before = tokenizer["model"], tokenizer.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before])
    if [step.get("type") for step in steps] != ["ByteLevel"] or model.get("byte_fallback"):
        raise InputError(
            f"{path} is not a byte-level BPE like GPT-2's: it splits text with "
            f"{', '.join(str(step.get('type')) for step in steps)}"
        )
    odd = [name for name in ("dropout", "ignore_merges") if model.get(name)]
    if not steps[0].get("use_regex", True):
        odd.append("use_regex")
    if odd:
        raise InputError(f"{path} sets {', '.join(odd)}, which fairseq's BPE does not support")
    if tokenizer.get("normalizer"):
        raise InputError(
            f"{path} normalizes texts "
            f"({tokenizer['normalizer'].get('type')}), which fairseq's BPE does not"
        )
    _require_no_prefix_space(path, steps[0].get("add_prefix_space", True))
    _require_no_prefix_space_in_settings(path.parent)
    _require_no_added_tokens(path, tokenizer)
    merges = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
    return _byte_level(_vocabulary_of_fast(path, tokenizer), merges)


def _byte_level_of_files(folder):
    _require_no_prefix_space_in_settings(folder)
    vocabulary = _in_order(folder / _VOCAB, read_json(folder / _VOCAB).items())
    lines = (folder / _MERGES).read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    try:
        require_merges(vocabulary, merges)
    except InputError as error:
        raise InputError(f"{folder / _VOCAB} and {folder / _MERGES}: {error}") from error
    return _byte_level(vocabulary, merges)


def _byte_level(vocabulary: list[str], merges: Merges):
    bpe = byte_level_from_hf(vocabulary, merges)
    return ImportedTokenizer(bpe.symbols, "gpt2", bpe)


def _require_no_prefix_space(path, adds_space):
    if adds_space:
        raise InputError(
            f"{path} adds a space before each text (add_prefix_space), which fairseq's BPE does "
            "not: the first word would get other tokens"
        )


def _require_no_prefix_space_in_settings(folder):
    settings = folder / _SETTINGS
    if settings.is_file():
        _require_no_prefix_space(settings, read_json(settings).get("add_prefix_space", False))


def _require_no_added_tokens(path, tokenizer):
    """Refuse tokens that are matched before the BPE splits a text."""
    added = [token["content"] for token in tokenizer.get("added_tokens", [])]
    odd = [token for token in added if not is_special(token)]
    if odd:
        raise InputError(
            f"{path} has tokens that were added to the BPE ({first_of(odd)}), which fairseq would "
            "split into letters"
        )


def _of_camembert(folder):
    model_file = _required_sentencepiece_model(folder)
    pieces = sentence_pieces.pieces_in_order(model_file)
    path = folder / _FAST
    if path.is_file():
        try:
            found = _by_row(path, _pairs_of_fast(read_json(path)))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} is not a Hugging Face tokenizer: {error!r}") from error
        expected = zip_longest(found, camembert.tokens_of(pieces))
        wrong = [f"{i} is {a!r}, not {b!r}" for i, (a, b) in enumerate(expected) if a != b]
        if wrong:
            raise InputError(
                f"{path} does not number the pieces of {model_file} as CamemBERT does (token "
                f"{wrong[0]}): use the model that belongs to the tokenizer"
            )
    symbols, rows = camembert.symbols_of(pieces)
    return ImportedTokenizer(symbols, "sentencepiece", model_file, rows)


def _sentencepiece(folder, vocabulary):
    model_file = _required_sentencepiece_model(folder)
    if vocabulary is None:  # XLM-R's order
        pieces = sentence_pieces.pieces_in_order(model_file)
        vocabulary = [*SPECIAL, *pieces, MASK]
    else:
        pieces = sentence_pieces.pieces(model_file)
    kinds = kinds_of(vocabulary, set(pieces), writes_unknown=True)
    odd = [t for t, kind in zip(vocabulary, kinds, strict=True) if kind == SymbolKind.FOREIGN]
    if odd:
        raise InputError(
            f"{folder / _FAST} and {model_file} have different vocabularies: only the first has "
            f"{first_of(odd)}; use the model that belongs to the tokenizer"
        )
    return ImportedTokenizer(vocabulary, "sentencepiece", model_file)


def _required_sentencepiece_model(folder):
    model_file = _sentencepiece_model(folder)
    if model_file is None:
        raise MissingFileError(
            f"{folder} has a SentencePiece tokenizer without its model, which fairseq needs: "
            f"put the model there as {SENTENCEPIECE_MODEL}"
        )
    return model_file


def _sentencepiece_model(folder):
    paths = [folder / name for name in _SENTENCEPIECE_MODELS]
    return next((path for path in paths if path.is_file()), None)


def _vocabulary_of_fast(path, tokenizer):
    return _in_order(path, _pairs_of_fast(tokenizer))


def _pairs_of_fast(tokenizer):
    """The tokens with their rows, each pair once."""
    vocabulary = tokenizer["model"]["vocab"]
    if isinstance(vocabulary, dict):
        pairs = list(vocabulary.items())
    else:
        pairs = [(token, i) for i, (token, _) in enumerate(vocabulary)]
    added = [(token["content"], token["id"]) for token in tokenizer.get("added_tokens", [])]
    return dict.fromkeys([*pairs, *added])


def _in_order(path, pairs):
    """The tokens in the order of their rows.

    Args:
        path: the file, for error messages.
        pairs: tokens with their rows.

    Raises:
        InputError: if rows are missing, or if the special tokens are not RoBERTa's.
    """
    tokens = _by_row(path, pairs)
    if tuple(tokens[: len(SPECIAL)]) != SPECIAL or MASK not in tokens:
        raise InputError(
            f"{path} begins with {', '.join(map(repr, tokens[: len(SPECIAL)]))}: a vocabulary for "
            f"fairseq must begin with {', '.join(SPECIAL)} and contain {MASK}"
        )
    odd = [token for token in tokens if token.split() != [token]]
    if odd:
        raise InputError(f"{path} has tokens that dict.txt cannot hold: {first_of(map(repr, odd))}")
    return tokens


def _by_row(path, pairs):
    tokens = [token for token, _ in sorted(pairs, key=lambda pair: pair[1])]
    rows = sorted(row for _, row in pairs)
    if rows != list(range(len(rows))) or len(set(tokens)) < len(tokens):
        raise InputError(f"{path} does not number its tokens consecutively from 0")
    return tokens


def _of_other_kind(path, kind):
    return InputError(
        f"{path} is a {kind} tokenizer like BERT's, and the model is not a BERT: RoBERTa needs a "
        "byte-level BPE like GPT-2's, or SentencePiece"
    )
