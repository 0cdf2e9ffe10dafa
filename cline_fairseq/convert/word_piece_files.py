"""The WordPiece tokenizer in a folder of Hugging Face, as fairseq's vocabulary and dictionary."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from ..checkpoint_files import TOKENIZER_SETTINGS, WORD_PIECES
from ..dictionary import SPECIAL, UNKNOWN, is_special
from ..errors import InputError, MissingFileError
from ..word_pieces import (
    CONTINUES,
    LONGEST_WORD,
    SPECIAL_PIECES,
    UNKNOWN_PIECE,
    has_capitals,
    read_vocabulary,
)
from .bert import as_roberta_symbols
from .json_files import read_json
from .parameter_names import first_of

_FAST, _BEFORE = "tokenizer.json", "BertPreTokenizer"
# Settings of BERT's tokenizer that fairseq's does not know, and the values that it has.
_FIXED = {"tokenize_chinese_chars": True, "do_basic_tokenize": True, "never_split": None}


class WordPieceFiles(NamedTuple):
    """fairseq's view of a WordPiece tokenizer.

    Attributes:
        pieces: in BERT's order, as in vocab.txt.
        cased: whether text keeps capitals and accents.
        symbols: of the dictionary, from its first row on, with ``<mask>``.
        rows: BERT's row of each symbol; empty if the model is not a BERT.
    """

    pieces: list[str]
    cased: bool
    symbols: list[str]
    rows: list[int]

    def save(self, folder: Path) -> None:
        """Write vocab.txt, and the settings beside it."""
        text = "".join(f"{piece}\n" for piece in self.pieces)
        (folder / WORD_PIECES).write_text(text, encoding="utf-8")
        settings = json.dumps({"do_lower_case": not self.cased}) + "\n"
        (folder / TOKENIZER_SETTINGS).write_text(settings, encoding="utf-8")


def read_word_pieces_of_roberta(folder: Path, symbols: list[str]) -> WordPieceFiles:
    """Read vocab.txt beside a tokenizer.json with fairseq's special tokens.

    Args:
        folder: of a RoBERTa whose dictionary is not that of a whole vocabulary.
        symbols: of the dictionary.

    Raises:
        InputError: if fairseq's tokenizer would read texts in another way.
    """
    _, cased = _of_fast(folder / _FAST, unknown=(UNKNOWN_PIECE, SPECIAL[UNKNOWN]))
    return WordPieceFiles(read_vocabulary(folder / WORD_PIECES), cased, symbols, [])


def read_word_pieces(folder: Path) -> WordPieceFiles:
    """Read tokenizer.json, or vocab.txt with tokenizer_config.json.

    Raises:
        MissingFileError: if there is neither.
        InputError: if fairseq's tokenizer would read texts in another way.
    """
    fast, slow = folder / _FAST, folder / WORD_PIECES
    if fast.is_file():
        path, (pieces, cased) = fast, _of_fast(fast)
    elif slow.is_file():
        path, pieces, recorded = slow, read_vocabulary(slow), _is_cased(folder)
        cased = has_capitals(pieces) if recorded is None else recorded
    else:
        raise MissingFileError(f"no tokenizer in {folder}: it needs {_FAST} or {WORD_PIECES}")
    if not cased and has_capitals(pieces):
        raise InputError(
            f"{path} has pieces with capital letters, which its text in lower case never becomes"
        )
    try:
        return WordPieceFiles(pieces, cased, *as_roberta_symbols(pieces))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _of_fast(path: Path, unknown: tuple[str, ...] = (UNKNOWN_PIECE,)) -> tuple[list[str], bool]:
    tokenizer = read_json(path)
    try:
        model, normalizer = tokenizer["model"], tokenizer.get("normalizer") or {}
        if model.get("type", "WordPiece") != "WordPiece":
            raise InputError(f"{path} is a {model['type']} tokenizer, and BERT's is WordPiece")
        rows = {str(piece): int(row) for piece, row in model["vocab"].items()}
        rows |= {str(t["content"]): int(t["id"]) for t in tokenizer.get("added_tokens", [])}
        lower, accents = normalizer.get("lowercase"), normalizer.get("strip_accents")
        odd = [
            f"{name} {found!r}"
            for name, found, wanted in (
                ("normalizer", normalizer.get("type"), "BertNormalizer"),
                ("pre_tokenizer", (tokenizer.get("pre_tokenizer") or {}).get("type"), _BEFORE),
                ("unk_token", model.get("unk_token") in unknown, True),
                ("continuing_subword_prefix", model.get("continuing_subword_prefix"), CONTINUES),
                ("max_input_chars_per_word", model.get("max_input_chars_per_word"), LONGEST_WORD),
                ("handle_chinese_chars", normalizer.get("handle_chinese_chars"), True),
                ("clean_text", normalizer.get("clean_text"), True),
                ("strip_accents", lower if accents is None else accents, lower),
            )
            if found != wanted
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a Hugging Face tokenizer: {error!r}") from error
    if odd:
        raise InputError(f"{path} reads text differently from fairseq's WordPiece: {first_of(odd)}")
    if sorted(rows.values()) != list(range(len(rows))):
        raise InputError(f"{path} does not number its tokens consecutively from 0")
    added = {t["content"] for t in tokenizer.get("added_tokens", [])}
    added = {token for token in added if token not in SPECIAL_PIECES and not is_special(token)}
    if added:
        raise InputError(
            f"{path} has tokens that were added to the tokenizer ({first_of(added)}), which "
            "fairseq's WordPiece would read as letters: import the model as it was without them"
        )
    return sorted(rows, key=rows.__getitem__), not lower


def _is_cased(folder: Path) -> bool | None:
    """What tokenizer_config.json says; None if it does not."""
    path = folder / TOKENIZER_SETTINGS
    settings: dict[str, Any] = read_json(path) if path.is_file() else {}
    odd = [name for name, value in _FIXED.items() if settings.get(name, value) not in (value, None)]
    lower, accents = settings.get("do_lower_case"), settings.get("strip_accents")
    if odd or (accents is not None and accents != lower):
        raise InputError(
            f"{path} sets {first_of(odd) or 'strip_accents'} differently from fairseq's WordPiece"
        )
    return None if lower is None else not lower
