"""The tokenizer in a folder of Hugging Face, as fairseq's dictionary and files."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import tokenizers

from ..byte_pairs import require_merges
from ..checkpoint_files import DICTIONARY, SENTENCEPIECE_MODEL, tokenizer_in
from ..dictionary import MASK, SPECIAL, PlainDictionary, SymbolKind, is_special, kinds_of
from ..errors import InputError, MissingFileError
from ..tokenizer import Tokenizer
from . import sentence_pieces
from .byte_level import ByteLevelBPE, Merges
from .byte_level import from_hf as byte_level_from_hf
from .parameter_names import first_of
from .tokenizer_check import PROBES, probes_of, require_same

_FAST, _SETTINGS = "tokenizer.json", "tokenizer_config.json"
_VOCAB, _MERGES = "vocab.json", "merges.txt"
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
        return _of_fast(folder)
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


def require_same_as_fast(folder: Path, imported: Path) -> None:
    """Make sure that fairseq reads text as the fast tokenizer does, if there is one.

    Args:
        folder: of Hugging Face.
        imported: with dict.txt and the files of fairseq's tokenizer.

    Raises:
        InputError: if it does not.
    """
    path = folder / _FAST
    if not path.is_file():
        return
    try:
        fast = tokenizers.Tokenizer.from_file(str(path))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # the library raises Exception itself; its panics are no such
        raise InputError(f"{path} is no tokenizer of Hugging Face: {error}") from error
    dictionary = PlainDictionary(imported / DICTIONARY)
    tokenizer = Tokenizer(tokenizer_in([imported]).config(), dictionary)
    require_same(
        lambda lines: [fast.encode(line, add_special_tokens=False).ids for line in lines],
        tokenizer.rows,
        probes_of(tokenizer, PROBES),
        f"{path} reads texts in another way than fairseq would with the same vocabulary",
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
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold an object in braces")
    return value


def _of_fast(folder):
    path = folder / _FAST
    tokenizer = read_json(path)
    try:
        kind = _kind(tokenizer["model"])
        if kind == "BPE":
            return _byte_level_of_fast(path, tokenizer)
        if kind == "Unigram":
            return _sentencepiece(folder, _vocabulary_of_fast(path, tokenizer))
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no tokenizer of Hugging Face: {error!r}") from error
    raise _of_other_kind(path, kind)


def _kind(model):
    """Of the model; files of the first versions do not say it."""
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
            f"{path} is no byte-level BPE as GPT-2's: it reads text by "
            f"{', '.join(str(step.get('type')) for step in steps)}"
        )
    odd = [name for name in ("dropout", "ignore_merges") if model.get(name)]
    if not steps[0].get("use_regex", True):
        odd.append("use_regex")
    if odd:
        raise InputError(
            f"{path} sets {', '.join(odd)} otherwise than GPT-2's BPE, which fairseq's has not"
        )
    if tokenizer.get("normalizer"):
        raise InputError(
            f"{path} changes texts before it reads them "
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
            f"{path} puts a space in front of each text (add_prefix_space), which fairseq's BPE "
            "does not: the first word would be another one"
        )


def _require_no_prefix_space_in_settings(folder):
    settings = folder / _SETTINGS
    if settings.is_file():
        _require_no_prefix_space(settings, read_json(settings).get("add_prefix_space", False))


def _require_no_added_tokens(path, tokenizer):
    """Tokens that are looked for before the BPE reads a text."""
    added = [token["content"] for token in tokenizer.get("added_tokens", [])]
    odd = [token for token in added if not is_special(token)]
    if odd:
        raise InputError(
            f"{path} has tokens that were added to the BPE ({first_of(odd)}), which fairseq's "
            "would read as letters"
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
    kinds = kinds_of(vocabulary, set(pieces), writes_unknown=True)
    odd = [t for t, kind in zip(vocabulary, kinds, strict=True) if kind == SymbolKind.FOREIGN]
    if odd:
        raise InputError(
            f"{folder / _FAST} and {model_file} are not of the same vocabulary: only the first has "
            f"{first_of(odd)}; give the model of the tokenizer"
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
