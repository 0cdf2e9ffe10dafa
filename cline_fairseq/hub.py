"""The hub interface: a loaded model with methods that read text."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from fairseq.data import data_utils
from fairseq.models.roberta import RobertaHubInterface
from omegaconf import OmegaConf, open_dict
from torch import Tensor

from .checkpoint import LoadedModel, load_model
from .checkpoint_files import CHECKPOINTS
from .data.vocabulary import build_vocabulary
from .dictionary import MASK
from .errors import InputError
from .inference import mean_pool
from .tokenizer import SPACE, SubwordModel, TokenizerFiles

logger = logging.getLogger(__name__)

SIMILARITIES = ("cosine", "dot")


class Filled(NamedTuple):
    """A text with a token in place of its mask."""

    text: str
    probability: float  # of the token
    token: str


class Detected(NamedTuple):
    """A word of a text, and how likely it is a replacement."""

    word: str
    probability: float


class WordPieceEncoder:
    """fairseq's encoder of ``--bpe bert``, without transformers.

    Args:
        model: of the tokenizer.
    """

    def __init__(self, model: SubwordModel):
        self._model = model

    def encode(self, text: str) -> str:
        """The symbols of a text, separated by spaces."""
        return self._model.text(text)

    def decode(self, symbols: str) -> str:
        """The text of symbols."""
        return self._model.decode(symbols.split(" "))

    def letters(self, symbol: str) -> tuple[str, bool]:
        """The letters of a piece, and whether it begins a word."""
        letters, begins = self._model.letters(symbol)
        return letters.decode(), begins


class ClineHubInterface(RobertaHubInterface):
    """fairseq's hub interface to RoBERTa, with batches and replaced-token detection.

    Methods take a text and return a result, or take a list of texts and return a list of results or
    a batch; both are equal except for rounding. See :meth:`ClineModel.from_pretrained`.
    """

    def __init__(self, loaded: LoadedModel):
        config = OmegaConf.create(dict(loaded.tokenizer.config))
        is_word_piece = config._name == "bert"  # for which fairseq's encoder needs transformers
        with open_dict(loaded.cfg):
            loaded.cfg.bpe = None if is_word_piece else config
        super().__init__(loaded.cfg, loaded.task, loaded.model)
        if is_word_piece:
            self.bpe = WordPieceEncoder(loaded.tokenizer.model)
            with open_dict(loaded.cfg):
                loaded.cfg.bpe = config
        self._dictionary = loaded.task.source_dictionary
        self._has_rtd_head = loaded.has_rtd_head
        self._vocabulary = build_vocabulary(self._dictionary, loaded.tokenizer.config)

    def encode(
        self,
        sentence: str | Sequence[str],
        *addl_sentences: str | Sequence[str],
        no_separator: bool = False,
    ) -> Tensor:
        """The tokens of ``<s> a </s>``, or for a pair of ``<s> a </s> </s> b </s>``.

        Args:
            sentence: a text, or a list of N texts.
            addl_sentences: further texts, or lists of N texts if ``sentence`` is a list.
            no_separator: omit the second of two ``</s>``.

        Returns:
            int64 (T,), or (N, T) with padding for lists.

        Raises:
            InputError: if texts and lists are mixed, or if lists differ in length.
        """
        texts = [sentence, *addl_sentences]
        if all(isinstance(text, str) for text in texts):
            return super().encode(*texts, no_separator=no_separator)
        if any(isinstance(text, str) or len(text) != len(sentence) for text in texts):
            raise InputError("encode takes texts, or lists of texts of the same length, not both")
        rows = [
            super(ClineHubInterface, self).encode(*texts, no_separator=no_separator)
            for texts in zip(sentence, *addl_sentences, strict=True)
        ]
        return self._collate(rows)

    def decode(self, tokens: Tensor) -> str | list:
        """The text of tokens (T,), or the texts of a batch (N, T); a pair is a list of two."""
        if tokens.dim() == 2:
            return [self.decode(row) for row in tokens]
        tokens = tokens.cpu()
        return super().decode(tokens[tokens != self._dictionary.pad()])

    @torch.no_grad()
    def fill_mask(
        self, masked_input: str | Sequence[str], topk: int = 5
    ) -> list[Filled] | list[list[Filled]]:
        """The most likely tokens at the mask.

        Args:
            masked_input: a text that contains ``<mask>`` once, or a list of such texts.
            topk: number of tokens to return.

        Raises:
            InputError: if a text has no mask or several, or if ``topk`` is out of range.
        """
        if isinstance(masked_input, str):
            return self._fill_masks([masked_input], topk)[0]
        return self._fill_masks(masked_input, topk)

    def _fill_masks(self, masked_input, topk):
        if not 1 <= topk <= len(self._dictionary):
            raise InputError(f"topk must be from 1 to {len(self._dictionary):,}, not {topk}")
        if not masked_input:
            return []
        tokens = self._collate([self._encode_masked(text) for text in masked_input])
        masks = tokens == self._dictionary.index(MASK)
        self._require_fit(tokens)
        logits, _ = self.model(tokens.to(self.device), masked_tokens=masks.to(self.device))
        best = logits.float().softmax(1).topk(topk, 1)
        return [
            [self._fill(text, *choice) for choice in zip(*choices, strict=True)]
            for text, *choices in zip(
                masked_input, best.values.tolist(), best.indices.tolist(), strict=True
            )
        ]

    @torch.no_grad()
    def detect_replaced(self, text: str | Sequence[str]) -> list[Detected] | list[list[Detected]]:
        """How likely each word is a replacement, according to the RTD head.

        Words are split as by the rewriter, with punctuation marks as words of their own. The
        probability of a word is the mean over its subwords.

        Args:
            text: a text, or a list of texts.

        Raises:
            InputError: if the checkpoint has no RTD head.
        """
        if not self._has_rtd_head:
            raise InputError(
                "the checkpoint has no RTD head, which detects replaced tokens: use a checkpoint "
                "of --task cline"
            )
        if isinstance(text, str):
            return self._detect([text])[0]
        return self._detect(text)

    def _detect(self, texts):
        if not texts:
            return []
        tokens = self.encode(texts)
        self._require_fit(tokens)
        logits = self.model.encoder.rtd_head(self.extract_features(tokens))
        rows = zip(texts, tokens.numpy(), logits.float().sigmoid().cpu().numpy(), strict=True)
        return [self._words(*row) for row in rows]

    @torch.no_grad()
    def similarity(
        self,
        a: str | Sequence[str],
        b: str | Sequence[str],
        metric: str = "cosine",
    ) -> float | np.ndarray:
        """The similarity of texts, by the sentence vectors that the contrastive loss trains.

        Args:
            a: a text, or a list of N texts.
            b: a text, or a list of N texts to compare with those of ``a`` one by one.
            metric: ``cosine``, or ``dot`` as in equation 3 of the paper.

        Returns:
            a number for two texts, float32 (N,) for lists.

        Raises:
            InputError: if the lists differ in length, or if the metric does not exist.
        """
        if metric not in SIMILARITIES:
            raise InputError(f"metric must be one of {', '.join(SIMILARITIES)}, not {metric!r}")
        if isinstance(a, str) and isinstance(b, str):
            return self._similarities([a], [b], metric)[0].item()
        if isinstance(a, str) or isinstance(b, str) or len(a) != len(b):
            raise InputError("similarity takes two texts, or two lists of the same length")
        return self._similarities(a, b, metric)

    def _similarities(self, a, b, metric):
        if not a:
            return np.empty(0, np.float32)
        first, second = self._sentence_vectors(a), self._sentence_vectors(b)
        if metric == "cosine":
            first, second = (torch.nn.functional.normalize(v, dim=1) for v in (first, second))
        return (first * second).sum(1).cpu().numpy()

    def _require_fit(self, tokens):
        if tokens.shape[1] > self.model.max_positions():
            raise InputError(
                f"a text has {tokens.shape[1]:,} tokens, and the model reads at most "
                f"{self.model.max_positions():,}: use a shorter text"
            )

    def _sentence_vectors(self, texts):
        tokens = self.encode(texts)
        self._require_fit(tokens)
        features = self.extract_features(tokens).float()
        if getattr(self.model.args, "sentence_vector", "cls") == "cls":
            return features[:, 0]
        return mean_pool(features, tokens.ne(self._dictionary.pad()).to(features.device))

    def _collate(self, rows):
        if not rows:
            return torch.empty(0, 0, dtype=torch.int64)
        return data_utils.collate_tokens(rows, self._dictionary.pad())

    def _encode_masked(self, text):
        before, mask, after = text.partition(MASK)
        if not mask or MASK in after:
            raise InputError(f"a text must contain {MASK} exactly once, unlike {text!r}")
        symbols = f"<s> {self.bpe.encode(before.rstrip())} {MASK} {self.bpe.encode(after)} </s>"
        return self._dictionary.encode_line(
            symbols, append_eos=False, add_if_not_exist=False
        ).long()

    def _fill(self, text, probability, index):
        symbol = self._dictionary[index]
        special = self._vocabulary.is_special[index] or self._vocabulary.is_unknown[index]
        token = symbol if special else self.bpe.decode(symbol)
        if symbol.startswith(SPACE):
            token = f" {token}"  # SentencePiece drops it
        elif self.cfg.bpe._name == "bert" and not special:
            letters, begins = self.bpe.letters(symbol)
            token = f" {letters}" if begins else letters
        place = f" {MASK}" if f" {MASK}" in text else MASK
        return Filled(text.replace(place, token), probability, token)

    def _words(self, text, tokens, probabilities):
        tokens = tokens[tokens != self._dictionary.pad()]
        pieces = self._vocabulary.pieces[tokens]
        if self.cfg.bpe._name == "sentencepiece":
            # The symbol of unknown letters is the letters themselves.
            symbols = [None, *self.bpe.encode(text).split(), None]
            for i in np.flatnonzero(self._vocabulary.is_unknown[tokens]):
                pieces[i] = symbols[i].replace(SPACE, "").encode()
        starts, _ = self._vocabulary.words(tokens, np.array([len(tokens)]))
        found = []
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=True):
            if not self._vocabulary.is_special[tokens[start]]:
                letters = b"".join(pieces[start:end])
                probability = float(probabilities[start:end].mean())
                found.append(Detected(letters.decode(errors="replace"), probability))
        return found


def from_folder(
    path: str | Path,
    checkpoint_file: str | None = None,
    data: str | Path | None = None,
    bpe: str | None = None,
    **tokenizer: str | Path | bool | None,
) -> ClineHubInterface:
    """See :meth:`cline_fairseq.models.cline.ClineModel.from_pretrained`.

    Args:
        path: a folder, or a checkpoint.
        checkpoint_file: name of the checkpoint in the folder.
        data: the folder with the dictionary, relative to ``path``.
        bpe: sentencepiece, gpt2 or bert.
        tokenizer: paths of the tokenizer's files, by fairseq's option names.
    """
    path = Path(path)
    if checkpoint_file is None and _is_hugging_face(path):
        if data is not None or bpe is not None or tokenizer:
            raise InputError(
                f"{path} has its own dictionary and tokenizer: specify only the folder"
            )
        return _from_hugging_face(path)
    if data is not None:
        data = (path if path.is_dir() else path.parent) / data
    if checkpoint_file is not None:
        path /= checkpoint_file
    unknown = tokenizer.keys() - TokenizerFiles.__dataclass_fields__.keys()
    if unknown:
        raise InputError(f"unknown tokenizer files: {', '.join(sorted(unknown))}")
    files: dict[str, Any] = dict(tokenizer)
    return ClineHubInterface(load_model(path, data, TokenizerFiles(bpe, **files)))


def _is_hugging_face(path):
    return (path / "config.json").is_file() and not any(
        (path / name).is_file() for name in CHECKPOINTS
    )


def _from_hugging_face(folder):
    """The encoder in a Hugging Face folder.

    Raises:
        InputError: if it is a classifier, whose head would be dropped.
    """
    from .convert.import_hf import import_hf  # needs packages that fairseq's folders do not
    from .convert.json_files import read_json

    architectures = read_json(folder / "config.json").get("architectures") or []
    if any("SequenceClassification" in name for name in architectures):
        raise InputError(
            f"{folder} is a Hugging Face classifier: load it with transformers, or export "
            "its checkpoint with cline-fairseq export-cline"
        )
    with tempfile.TemporaryDirectory() as temporary:
        converted = Path(temporary) / "model"
        for note in import_hf(folder, converted).notes:
            logger.warning("%s: %s", folder, note)
        return ClineHubInterface(load_model(converted))
