"""Run a model on texts: class probabilities, sentence vectors and hidden states."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fairseq.data import data_utils
from fairseq.models.roberta import RobertaModel
from torch import Tensor

from .checkpoint import LoadedModel, load_model
from .dictionary import BOS, EOS, PAD
from .errors import InputError
from .runtime.precision import choose_precision, dtype_of
from .text_rows import WINDOW, Text, TextRows, require_texts
from .tokenizer import Tokenizer, TokenizerFiles

Progress = Callable[[int], None]

POOLS = ("cls", "mean")
MAX_TOKENS = 8192  # per batch, including padding


class HiddenStates(NamedTuple):
    """The hidden states of a batch of texts at all layers."""

    indices: list[int]  # index of each row's text
    layers: list[Tensor]  # num_layers + 1 of float32 (rows, T, C), embeddings first
    lengths: Tensor  # int64 (rows,), number of tokens without padding


class Predictor:
    """A CLINE or RoBERTa model that reads plain text.

    Texts are tokenized like in cline-fairseq encode and cline-fairseq glue-preprocess, after
    stripping white space and replacing line ends with spaces. A text becomes ``<s> a </s>`` and a
    pair ``<s> a </s> </s> b </s>``, as in the model's task; an empty text becomes ``<s> </s>``. A
    text that is longer than the model's positions is truncated at its end, as in fine-tuning with
    ``--shorten-method truncate``. If a pair is too long, the longer text is truncated first, so
    that both are read; fine-tuning truncates the second.

    Results are in the order of the texts. Texts of similar length are batched together, which does
    not change the results beyond rounding. Texts are encoded a window at a time, so the memory for
    tokens does not grow with the number of texts.

    Attributes:
        model: the model, in eval mode.
        head: name of the classification head; None for an encoder.
        labels: names of the classes in the order of :meth:`predict_proba`'s columns; empty unless
            the model is a classifier.
        num_layers: number of layers of the encoder.
        max_positions: maximum number of tokens; longer texts are truncated.
        is_regression: whether the head predicts numbers instead of classes.
    """

    def __init__(
        self,
        model: RobertaModel,
        tokenizer: Tokenizer,
        labels: Sequence[str] = (),
        head: str | None = None,
        is_regression: bool = False,
        begin: int | None = BOS,
        separator: int | None = EOS,
        max_tokens: int = MAX_TOKENS,
        name: str = "the model",
    ):
        """Build a predictor from its parts; see :meth:`from_checkpoint`.

        Args:
            model: the model, in eval mode.
            tokenizer: a tokenizer with the model's dictionary.
            labels: names of the classes, in the order of the head's columns.
            head: name of the classification head; None for an encoder.
            is_regression: whether the head predicts numbers.
            begin: index of the symbol before a text; None for no such symbol.
            separator: index of the symbol before the second text of a pair; None for no such
                symbol.
            max_tokens: maximum number of tokens in a batch, including padding.
            name: what error messages call the model.
        """
        self.model, self.head, self._name = model, head, name
        self._max_tokens = max_tokens
        self.labels, self.is_regression = list(labels), is_regression
        self.max_positions: int = model.max_positions()
        self._rows = TextRows(tokenizer, begin, separator, self.max_positions)
        self.num_layers: int = len(model.encoder.sentence_encoder.layers)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        data: str | Path | None = None,
        *,
        bpe: str | None = None,
        sentencepiece_model: str | None = None,
        gpt2_encoder_json: str | None = None,
        gpt2_vocab_bpe: str | None = None,
        bpe_vocab_file: str | None = None,
        bpe_cased: bool | None = None,
        max_tokens: int = MAX_TOKENS,
        device: str | None = None,
        precision: str = "fp32",
    ) -> "Predictor":
        """Load a model with its tokenizer and dictionaries.

        Files that are not specified are found as the checkpoint records them, or next to it.

        Args:
            path: the checkpoint; see :func:`~cline_fairseq.checkpoint.load_model`.
            data: the folder with the dictionaries; see there.
            bpe: sentencepiece, gpt2 or bert.
            sentencepiece_model: the model, for sentencepiece.
            gpt2_encoder_json: encoder.json, for gpt2.
            gpt2_vocab_bpe: vocab.bpe, for gpt2.
            bpe_vocab_file: vocab.txt, for bert.
            bpe_cased: whether text keeps capitals and accents, for bert.
            max_tokens: maximum number of tokens in a batch, including padding.
            device: a torch device (default: a GPU if available, otherwise the CPU).
            precision: fp32, bf16, fp16, or auto for bf16 where the device multiplies it natively.

        Raises:
            MissingFileError: if the checkpoint, its dictionary or its tokenizer cannot be found.
            InputError: if one of the files is invalid, or if they do not fit each other.
        """
        tokenizer = TokenizerFiles(
            bpe,
            sentencepiece_model=sentencepiece_model,
            gpt2_encoder_json=gpt2_encoder_json,
            gpt2_vocab_bpe=gpt2_vocab_bpe,
            bpe_vocab_file=bpe_vocab_file,
            bpe_cased=bpe_cased,
        )
        loaded = load_model(Path(path), None if data is None else Path(data), tokenizer)
        return cls.from_loaded(loaded, max_tokens, device, str(path), precision)

    @classmethod
    def from_loaded(
        cls,
        loaded: LoadedModel,
        max_tokens: int = MAX_TOKENS,
        device: str | None = None,
        name: str = "the model",
        precision: str = "fp32",
    ) -> "Predictor":
        """Build a predictor from a loaded model.

        Args:
            loaded: the model.
            max_tokens: maximum number of tokens in a batch, including padding.
            device: a torch device (default: a GPU if available, otherwise the CPU).
            name: what error messages call the model.
            precision: fp32, bf16, fp16, or auto for bf16 where the device multiplies it natively.
        """
        device = device or default_device()
        model = loaded.model.to(device, dtype_of(choose_precision(precision, device)))
        if not loaded.is_classifier:
            return cls(model, loaded.tokenizer, max_tokens=max_tokens, name=name)
        cfg = loaded.task.cfg
        return cls(
            model,
            loaded.tokenizer,
            loaded.labels,
            cfg.classification_head_name,
            cfg.regression_target,
            cfg.init_token,
            cfg.separator_token,
            max_tokens,
            name,
        )

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.model.parameters()).device

    def logits(self, texts: Sequence[Text], progress: Progress = lambda count: None) -> np.ndarray:
        """The output of the classification head.

        Args:
            texts: N texts or pairs of texts.
            progress: called with the number of texts processed since the last call.

        Returns:
            float32 (N, classes); (N, 1) for regression.

        Raises:
            InputError: if the model is an encoder without a classification head.
        """
        if self.head is None:
            raise InputError(
                f"{self._name} is an encoder without a classification head: specify a "
                "checkpoint that was fine-tuned (cline-fairseq glue-finetune)"
            )
        scores = np.empty((len(texts), len(self.labels) or 1), np.float32)
        with torch.inference_mode():
            for indices, tokens in self._stream(texts):
                out, _ = self.model(tokens, features_only=True, classification_head_name=self.head)
                scores[indices] = out.float().cpu().numpy()
                progress(len(indices))
        return scores

    def predict_proba(
        self, texts: Sequence[Text], progress: Progress = lambda count: None
    ) -> np.ndarray:
        """Class probabilities.

        Args:
            texts: N texts or pairs of texts.
            progress: called with the number of texts processed since the last call.

        Returns:
            float32 (N, classes), with the columns in the order of :attr:`labels`.

        Raises:
            InputError: if the model is not a classifier.
        """
        if self.is_regression:
            raise InputError(
                f"{self._name} predicts numbers, not class probabilities: specify a checkpoint "
                "that was fine-tuned on classes"
            )
        scores = torch.from_numpy(self.logits(texts, progress))
        return scores.softmax(1).numpy()

    def predict(
        self, texts: Sequence[Text], progress: Progress = lambda count: None
    ) -> list[str] | np.ndarray:
        """The label of each text, or for regression its value, as float32 (N,).

        Args:
            texts: N texts or pairs of texts.
            progress: called with the number of texts processed since the last call.

        Raises:
            InputError: if the model is an encoder without a classification head.
        """
        scores = self.logits(texts, progress)
        if self.is_regression:
            return scores[:, 0]
        return [self.labels[column] for column in scores.argmax(1)]

    def embed(
        self,
        texts: Sequence[Text],
        layer: int = -1,
        pool: str = "cls",
        progress: Progress = lambda count: None,
    ) -> np.ndarray:
        """Sentence vectors.

        Args:
            texts: N texts or pairs of texts.
            layer: 0 is the embeddings, :attr:`num_layers` or -1 the last layer.
            pool: ``cls`` for the vector of ``<s>``, ``mean`` for the mean over all tokens including
                ``<s>`` and ``</s>``.
            progress: called with the number of texts processed since the last call.

        Returns:
            float32 (N, C).

        Raises:
            InputError: if ``layer`` or ``pool`` does not exist.
        """
        last = self.num_layers
        if not -last - 1 <= layer <= last:
            raise InputError(f"no layer {layer}: {self._name} has the layers 0 to {last}")
        if pool not in POOLS:
            raise InputError(f"pool must be one of {', '.join(POOLS)}, not {pool!r}")
        layer %= last + 1
        vectors = np.empty((len(texts), self.model.args.encoder_embed_dim), np.float32)
        with torch.inference_mode():
            for indices, tokens in self._stream(texts):
                states = self._states(tokens)[layer] if layer < last else self._last(tokens)
                pooled = states[:, 0] if pool == "cls" else mean_pool(states, tokens.ne(PAD))
                vectors[indices] = pooled.cpu().numpy()
                progress(len(indices))
        return vectors

    def hidden_states(
        self, texts: Sequence[Text], progress: Progress = lambda count: None
    ) -> Iterator[HiddenStates]:
        """Yield the vectors of all tokens at all layers, one batch at a time.

        Within each window of :data:`WINDOW` texts, the longest come first; see
        :attr:`HiddenStates.indices`. Ignore the vectors at padding. The last layer is the input of
        the heads, after the final layer norm if the model has one.

        Args:
            texts: texts or pairs of texts.
            progress: called with the number of texts processed since the last call.
        """
        return self._hidden_states(self._stream(texts), progress)

    def hidden_states_of(
        self, rows: list[np.ndarray], progress: Progress = lambda count: None
    ) -> Iterator[HiddenStates]:
        """:meth:`hidden_states` for texts that are already encoded.

        Args:
            rows: int64 (tokens,) each, as returned by :meth:`encode`.
            progress: called with the number of texts processed since the last call.
        """
        return self._hidden_states(self._batches(rows), progress)

    @torch.no_grad()
    def _hidden_states(self, batches, progress):
        for indices, tokens in batches:
            yield HiddenStates(indices, self._states(tokens), tokens.ne(PAD).sum(1))
            progress(len(indices))

    def encode(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """The indices that the model reads for each text, int64 (tokens,).

        Raises:
            InputError: if a text is not valid Unicode.
        """
        return self._rows.encode(texts)

    def is_truncated(self, texts: Sequence[Text]) -> np.ndarray:
        """Whether each text is longer than what the model reads of it, bool (N,)."""
        return self._rows.is_truncated(texts)

    def _stream(self, texts):
        """The batches of texts, encoded a window at a time to save memory."""
        require_texts(texts)
        for start in range(0, len(texts), WINDOW):
            rows = self._rows.encode(texts[start : start + WINDOW])
            for indices, tokens in self._batches(rows):
                yield [start + i for i in indices], tokens

    def _batches(self, rows: list[np.ndarray]) -> Iterator[tuple[list[int], Tensor]]:
        for indices in batches_by_length([len(row) for row in rows], self._max_tokens):
            tokens = [torch.from_numpy(rows[i]) for i in indices]
            yield indices, data_utils.collate_tokens(tokens, PAD).to(self.device)

    def _last(self, tokens):
        return self.model(tokens, features_only=True)[0].float()

    def _states(self, tokens):
        features, extra = self.model(tokens, features_only=True, return_all_hiddens=True)
        states = [state.transpose(0, 1) for state in extra["inner_states"]]
        return [state.float() for state in (*states[:-1], features)]


def mean_pool(states: Tensor, mask: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Average the vectors of each text, without those at padding.

    Args:
        states: float (B, T, C).
        mask: bool (B, T), False at padding.
        dtype: in which to add them up, and dtype of the result (default: that of ``states``).

    Returns:
        float (B, C).
    """
    mask = mask.unsqueeze(-1)
    return states.masked_fill(~mask, 0).sum(1, dtype=dtype) / mask.sum(1)


def default_device() -> str:
    """A GPU if one is available, otherwise the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def batches_by_length(sizes: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Yield batches of examples of similar length, the longest first.

    Args:
        sizes: number of tokens of each example.
        max_tokens: maximum number of tokens in a batch, including padding; a longer example is a
            batch of its own.

    Yields:
        indices of the examples of a batch.
    """
    order = np.argsort(-np.asarray(sizes), kind="stable").tolist()
    while order:
        count = max(max_tokens // max(sizes[order[0]], 1), 1)
        yield order[:count]
        order = order[count:]
