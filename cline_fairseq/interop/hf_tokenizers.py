"""The tokenizer in a folder of Hugging Face, as fairseq's dictionary and files."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

from ..corpus.symbols import SPECIAL
from ..errors import InputError, MissingFileError
from ..options import MADE_UP, MASK
from . import sentence_pieces
from .byte_level import ByteLevelBPE, Merges
from .byte_level import from_hf as byte_level_from_hf
from .folder import SENTENCEPIECE_MODEL
from .names import first_of

_FAST, _VOCAB, _MERGES, _SETTINGS = (
    *("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"),
)
_SENTENCEPIECE_MODELS = (SENTENCEPIECE_MODEL, "sentencepiece.model", "spiece.model")


class ImportedTokenizer(NamedTuple):
    """What fairseq needs of a tokenizer.

    Attributes:
        symbols: of the dictionary, from its first row on, with ``<mask>``.
        bpe: name of the tokenizer in fairseq.
        files: of GPT-2's BPE, or the model of SentencePiece.
    """

    symbols: list[str]
    bpe: str
    files: ByteLevelBPE | Path

    def save(self, folder: Path) -> None:
        """Write the files of the tokenizer, without the dictionary."""
        if isinstance(self.files, Path):
            shutil.copyfile(self.files, folder / SENTENCEPIECE_MODEL)
        else:
            self.files.save(folder)


def read_tokenizer(folder: Path) -> ImportedTokenizer:
    """Read a byte-level BPE or a SentencePiece model with RoBERTa's special tokens.

    Raises:
        MissingFileError: if there is no tokenizer.
        InputError: if it is of another kind, or fairseq's would read texts in another way.
    """
    if (folder / _FAST).is_file():
        tokenizer = read_json(folder / _FAST)
        kind = tokenizer.get("model", {}).get("type")
        if kind == "BPE":
            return _byte_level_of_fast(folder / _FAST, tokenizer)
        if kind == "Unigram":
            return _sentencepiece(folder, _vocabulary_of_fast(folder / _FAST, tokenizer))
        raise _of_other_kind(folder / _FAST, kind)
    if (folder / _VOCAB).is_file() and (folder / _MERGES).is_file():
        return _byte_level_of_files(folder)
    if _sentencepiece_model(folder):
        return _sentencepiece(folder, None)
    if (folder / "vocab.txt").is_file():
        raise _of_other_kind(folder / "vocab.txt", "WordPiece")
    raise MissingFileError(
        f"no tokenizer in {folder}: it needs {_FAST}, or {_VOCAB} and {_MERGES}, or "
        f"{SENTENCEPIECE_MODEL}"
    )


def read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file.

    Raises:
        MissingFileError: if it is not there.
        InputError: if it is no JSON, or no object.
    """
    if not path.is_file():
        raise MissingFileError(f"no {path.name} in {path.parent}: give the folder of a model")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold an object in braces")
    return value


def _byte_level_of_fast(path, tokenizer):
    model, before = tokenizer["model"], tokenizer.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before])
    if [step.get("type") for step in steps] != ["ByteLevel"] or model.get("byte_fallback"):
        raise InputError(
            f"{path} is no byte-level BPE as GPT-2's: it reads text by "
            f"{', '.join(str(step.get('type')) for step in steps)}"
        )
    if tokenizer.get("normalizer"):
        raise InputError(
            f"{path} changes texts before it reads them "
            f"({tokenizer['normalizer'].get('type')}), which fairseq's BPE does not"
        )
    _require_no_prefix_space(path, steps[0].get("add_prefix_space", True))
    merges = [tuple(pair.split(" ") if isinstance(pair, str) else pair) for pair in model["merges"]]
    return _byte_level(_vocabulary_of_fast(path, tokenizer), merges)


def _byte_level_of_files(folder):
    settings = folder / _SETTINGS
    if settings.is_file():
        _require_no_prefix_space(settings, read_json(settings).get("add_prefix_space", False))
    vocabulary = _in_order(folder / _VOCAB, read_json(folder / _VOCAB).items())
    lines = (folder / _MERGES).read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    return _byte_level(vocabulary, merges)


def _byte_level(vocabulary: list[str], merges: Merges):
    bpe = byte_level_from_hf(vocabulary, merges)
    return ImportedTokenizer(bpe.symbols, "gpt2", bpe)


def _require_no_prefix_space(path, adds_space):
    if adds_space:
        raise InputError(
            f"{path} puts a space in front of each text (add_prefix_space), which fairseq's BPE "
            "does not: the first word would be another one"
        )


def _sentencepiece(folder, vocabulary):
    model_file = _sentencepiece_model(folder)
    if model_file is None:
        raise MissingFileError(
            f"{folder} has a tokenizer of SentencePiece without its model, which fairseq reads: "
            f"put it there as {SENTENCEPIECE_MODEL}"
        )
    pieces = sentence_pieces.pieces(model_file)
    if vocabulary is None:  # XLM-R's order
        vocabulary = [*SPECIAL, *pieces, MASK]
    own = {*SPECIAL, MASK}
    found = {token for token in vocabulary if token not in own and not token.startswith(MADE_UP)}
    odd = found ^ set(pieces)
    if odd:
        raise InputError(
            f"{folder / _FAST} and {model_file} are not of the same vocabulary: only one of them "
            f"has {first_of(odd)}"
        )
    return ImportedTokenizer(vocabulary, "sentencepiece", model_file)


def _sentencepiece_model(folder):
    paths = [folder / name for name in _SENTENCEPIECE_MODELS]
    return next((path for path in paths if path.is_file()), None)


def _vocabulary_of_fast(path, tokenizer):
    vocabulary = tokenizer["model"]["vocab"]
    if isinstance(vocabulary, dict):
        pairs = list(vocabulary.items())
    else:
        pairs = [(token, i) for i, (token, _) in enumerate(vocabulary)]
    added = [(token["content"], token["id"]) for token in tokenizer.get("added_tokens", [])]
    return _in_order(path, dict.fromkeys([*pairs, *added]))


def _in_order(path, pairs):
    """Tokens by row, of pairs of tokens and rows.

    Raises:
        InputError: if rows are missing, or the special tokens are not RoBERTa's.
    """
    tokens = [token for token, _ in sorted(pairs, key=lambda pair: pair[1])]
    rows = sorted(row for _, row in pairs)
    if rows != list(range(len(rows))) or len(set(tokens)) < len(tokens):
        raise InputError(f"{path} does not number its tokens from 0 on, each once")
    if tuple(tokens[: len(SPECIAL)]) != SPECIAL or MASK not in tokens:
        raise InputError(
            f"{path} begins with {', '.join(map(repr, tokens[: len(SPECIAL)]))}: a vocabulary that "
            f"fairseq can use begins with {', '.join(SPECIAL)}, and has {MASK} in it"
        )
    odd = [token for token in tokens if token.split() != [token]]
    if odd:
        raise InputError(f"{path} has tokens that no dict.txt can hold: {first_of(map(repr, odd))}")
    return tokens


def _of_other_kind(path, kind):
    return InputError(
        f"{path} is a {kind} tokenizer, as BERT's are: fairseq needs a byte-level BPE as GPT-2's, "
        "or SentencePiece"
    )
