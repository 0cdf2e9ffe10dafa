"""Reading text with a model: texts in; probabilities, sentence vectors or hidden states out."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fairseq import checkpoint_utils, utils
from fairseq.data import data_utils
from fairseq.models import BaseFairseqModel
from fairseq.models.roberta import RobertaModel
from fairseq.tasks import FairseqTask
from torch import Tensor

from .checkpoint import LoadedModel, load_model
from .dictionary import BOS, EOS, PAD
from .errors import InputError, MissingFileError
from .tokenizer import Tokenizer, TokenizerFiles

Text = str | tuple[str, str]
Progress = Callable[[int], None]

WINDOW = 10_000  # texts that are encoded, and sorted by length, at a time
POOLS = ("cls", "mean")
MAX_TOKENS = 8192  # of a batch, with padding


class HiddenStates(NamedTuple):
    """The states of a batch of texts, at all layers."""

    indices: list[int]  # which of the texts the rows are
    layers: list[Tensor]  # float32 (rows, T, C), num_layers + 1 of them; embeddings first
    lengths: Tensor  # int64 (rows,), real tokens of a row; the rest of it is padding


class Predictor:
    """A model of RoBERTa's kind that reads plain text.

    Texts are split into symbols as cline-fairseq encode and cline-fairseq glue-preprocess do, with
    whitespace around them left out and ends of lines in them read as spaces. A text is
    ``<s> a </s>`` and a pair is ``<s> a </s> </s> b </s>``, as the task of the model builds them;
    an empty text is ``<s> </s>``. A text that is longer than the positions of the model is cut at
    its end, as in fine-tuning with ``--shorten-method truncate``. In a pair that is too long, the
    longer text is cut before the other one, so that both are read; fine-tuning cuts the second.

    Results are in the order of the texts. Batches are of texts of like length, and do not change
    the results beyond rounding. Texts are encoded a window at a time, so that the memory for their
    tokens does not grow with their number.

    Attributes:
        model: ready to predict.
        head: name of its head of classification; None of an encoder.
        labels: names of the classes, in the order of the columns of :meth:`predict_proba`; empty
            unless the model is a classifier.
        num_layers: of the encoder.
        max_positions: tokens of the longest text that is not cut.
        is_regression: whether the model has a head that gives numbers instead of classes.
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
        """Put a predictor together; see :meth:`from_checkpoint`.

        Args:
            model: ready to predict.
            tokenizer: with the dictionary of the model.
            labels: of the classes of the head.
            head: name of the head of classification; None of an encoder.
            is_regression: whether it gives numbers.
            begin: index of the symbol before a text, if any.
            separator: index of the symbol before the second text of a pair, if any.
            max_tokens: of a batch, with padding.
            name: what error messages call it.
        """
        self.model, self._tokenizer, self.head, self._name = model, tokenizer, head, name
        self._begin = np.array([] if begin is None else [begin], np.int64)
        self._separator = np.array([] if separator is None else [separator], np.int64)
        self._max_tokens = max_tokens
        self.labels, self.is_regression = list(labels), is_regression
        self.max_positions: int = model.max_positions()
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
        max_tokens: int = MAX_TOKENS,
        device: str | None = None,
    ) -> "Predictor":
        """Load a model with its tokenizer and dictionaries.

        What is not given is read from the checkpoint, which records it, or found beside it.

        Args:
            path: a checkpoint of fairseq's sentence_prediction, for a classifier; or one of CLINE
                or masked_lm, with any architecture of CLINE or RoBERTa, for an encoder. A folder
                stands for the model.pt, checkpoint_best.pt or checkpoint_last.pt in it.
            data: the folder with input0/dict.txt and label/dict.txt, as glue-preprocess writes it;
                for an encoder also the folder with the dict.txt of its corpus.
            bpe: sentencepiece or gpt2; the files of the tokenizer are named as fairseq's options.
            sentencepiece_model: of sentencepiece.
            gpt2_encoder_json: of gpt2.
            gpt2_vocab_bpe: of gpt2.
            max_tokens: of a batch, with padding.
            device: of torch; a GPU without, if there is one.

        Raises:
            MissingFileError: if the checkpoint, its dictionary or its tokenizer cannot be found.
            InputError: if something is no checkpoint, no tokenizer or no dictionary, or if they do
                not fit each other.
        """
        tokenizer = TokenizerFiles(
            bpe,
            sentencepiece_model=sentencepiece_model,
            gpt2_encoder_json=gpt2_encoder_json,
            gpt2_vocab_bpe=gpt2_vocab_bpe,
        )
        loaded = load_model(Path(path), None if data is None else Path(data), tokenizer)
        return cls.from_loaded(loaded, max_tokens, device, str(path))

    @classmethod
    def from_loaded(
        cls,
        loaded: LoadedModel,
        max_tokens: int = MAX_TOKENS,
        device: str | None = None,
        name: str = "the model",
    ) -> "Predictor":
        """A predictor of a loaded model; see :meth:`from_checkpoint`."""
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model, task = loaded.model.to(device), loaded.task
        options = {"max_tokens": max_tokens, "name": name}
        if not loaded.is_classifier:
            return cls(model, loaded.tokenizer, **options)
        cfg = task.cfg
        return cls(
            model,
            loaded.tokenizer,
            loaded.labels,
            cfg.classification_head_name,
            cfg.regression_target,
            cfg.init_token,
            cfg.separator_token,
            **options,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    def logits(self, texts: Sequence[Text], progress: Progress = lambda count: None) -> np.ndarray:
        """What the head gives.

        Args:
            texts: texts, or pairs of them.
            progress: called with the number of texts that were done.

        Returns:
            float32 (N, classes); (N, 1) of a regression.

        Raises:
            InputError: if the model is an encoder, without a head.
        """
        if self.head is None:
            raise InputError(
                f"{self._name} is an encoder, and has no head of classification: give a "
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
        """Probabilities of the classes.

        Args:
            texts: texts, or pairs of them.
            progress: called with the number of texts that were done.

        Returns:
            float32 (N, classes), a column for each of :attr:`labels`.

        Raises:
            InputError: if the model is no classifier.
        """
        if self.is_regression:
            raise InputError(
                f"{self._name} predicts numbers, not classes, and has no probabilities: give a "
                "checkpoint that was fine-tuned on classes"
            )
        scores = torch.from_numpy(self.logits(texts, progress))
        return scores.softmax(1).numpy()

    def predict(
        self, texts: Sequence[Text], progress: Progress = lambda count: None
    ) -> list[str] | np.ndarray:
        """The label of each text; of a regression, its number, as float32 (N,).

        Raises:
            InputError: if the model is an encoder, without a head.
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
            texts: texts, or pairs of them.
            layer: 0 is the embeddings, :attr:`num_layers` or -1 the last layer.
            pool: cls is the vector of ``<s>``; mean is that over all tokens, ``<s>`` and ``</s>``
                among them.
            progress: called with the number of texts that were done.

        Returns:
            float32 (N, C).

        Raises:
            InputError: if there is no such layer, or no such pool.
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
                if pool == "cls":
                    pooled = states[:, 0]
                else:
                    real = tokens.ne(PAD).unsqueeze(2)
                    pooled = states.masked_fill(~real, 0).sum(1) / real.sum(1)
                vectors[indices] = pooled.cpu().numpy()
                progress(len(indices))
        return vectors

    def hidden_states(
        self, texts: Sequence[Text], progress: Progress = lambda count: None
    ) -> Iterator[HiddenStates]:
        """The vectors of all tokens at all layers, a batch at a time.

        Each batch says which texts it holds; of each window of :data:`WINDOW` texts, the longest
        come first. The vectors at padding mean nothing. The last layer is what the heads read:
        after the final layer norm, where the model has one.

        Args:
            texts: texts, or pairs of them.
            progress: called with the number of texts that were done.
        """
        return self._hidden_states(self._stream(texts), progress)

    def hidden_states_of(
        self, rows: list[np.ndarray], progress: Progress = lambda count: None
    ) -> Iterator[HiddenStates]:
        """:meth:`hidden_states` of what :meth:`encode` gave."""
        return self._hidden_states(self._batches(rows), progress)

    @torch.no_grad()
    def _hidden_states(self, batches, progress):
        for indices, tokens in batches:
            yield HiddenStates(indices, self._states(tokens), tokens.ne(PAD).sum(1))
            progress(len(indices))

    def encode(self, texts: Sequence[Text]) -> list[np.ndarray]:
        """The indices that the model reads for each text, int64 (tokens,).

        Raises:
            InputError: if a text is no valid Unicode.
        """
        _require_texts(texts)
        return [self._join(*parts) for parts in self._parts(texts)]

    def is_truncated(self, texts: Sequence[Text]) -> np.ndarray:
        """Whether the texts are longer than what the model reads of them; bool (N,)."""
        _require_texts(texts)
        windows = (texts[start : start + WINDOW] for start in range(0, len(texts), WINDOW))
        parts = chain.from_iterable(map(self._parts, windows))
        return np.array([self._excess(*pair) > 0 for pair in parts], bool)

    def _parts(self, texts):
        """The symbols of each text: of itself, or of both texts of a pair."""
        pairs = [(text,) if isinstance(text, str) else tuple(text) for text in texts]
        lines = [_as_line(part) for pair in pairs for part in pair]
        if not lines:
            return []
        data, sizes, _ = self._tokenizer.index(lines)
        parts = iter(np.split(data, np.cumsum(sizes)[:-1]))
        return [tuple(next(parts) for _ in pair) for pair in pairs]

    def _excess(self, first, second=None):
        """How many tokens do not fit into the model."""
        size = len(self._begin) + len(first)
        if second is not None:
            size += len(self._separator) + len(second)
        return size - self.max_positions

    def _join(self, first, second=None):
        excess = self._excess(first, second)
        if second is None:
            return np.concatenate([self._begin, first])[: self.max_positions]
        if excess > 0:
            first, second = _cut_pair(first, second, excess)
        return np.concatenate([self._begin, first, self._separator, second])

    def _stream(self, texts):
        """The batches of texts, which are encoded a window at a time to save memory."""
        _require_texts(texts)
        for start in range(0, len(texts), WINDOW):
            rows = [self._join(*parts) for parts in self._parts(texts[start : start + WINDOW])]
            for indices, tokens in self._batches(rows):
                yield [start + i for i in indices], tokens

    def _batches(self, rows: list[np.ndarray]) -> Iterator[tuple[list[int], Tensor]]:
        for indices in batches_by_length([len(row) for row in rows], self._max_tokens):
            tokens = [torch.from_numpy(rows[i]) for i in indices]
            yield indices, data_utils.collate_tokens(tokens, PAD).to(self.device)

    def _last(self, tokens):
        return self.model(tokens, features_only=True)[0]

    def _states(self, tokens):
        features, extra = self.model(tokens, features_only=True, return_all_hiddens=True)
        states = [state.transpose(0, 1) for state in extra["inner_states"]]
        return [*states[:-1], features]


def _require_texts(texts):
    """Complain about all texts before the work on the first one."""
    if isinstance(texts, str):
        raise TypeError("give a list of texts, not a single one")
    for i, pair in enumerate(texts):
        for text in (pair,) if isinstance(pair, str) else pair:
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise InputError(
                    f"text {i + 1} is no valid Unicode ({error.reason}): write it again as UTF-8"
                ) from error


def _as_line(text):
    """A text as it would be read from a line of a file."""
    return text.replace("\r\n", " ").replace("\n", " ").strip()


def _cut_pair(first, second, excess):
    """Cut two texts by some tokens in all, the longer one first; their ends stay."""
    sizes = [len(first), len(second)]
    difference = abs(sizes[0] - sizes[1])
    longer = int(sizes[1] > sizes[0])
    cut = [0, 0]
    cut[longer] = min(excess, difference)
    rest = excess - cut[longer]
    cut[longer] += rest // 2
    cut[1 - longer] += rest - rest // 2
    return tuple(
        np.append(part[: len(part) - size - 1], part[-1]) if size else part
        for part, size in zip((first, second), cut, strict=True)
    )


class Predictions(NamedTuple):
    """What a model says of the N examples of a split, in the order of the data."""

    scores: np.ndarray  # float32 (N, classes), logits; (N, 1) of a regression
    gold: np.ndarray | None  # (N,) int64 classes, or float32 numbers; None without labels


def load_classifier(checkpoint: Path, data: Path) -> tuple[BaseFairseqModel, FairseqTask]:
    """A model that is ready to predict, with the task that trained it.

    Args:
        checkpoint: of a run with ``--task sentence_prediction``.
        data: the folder of binarized data; it may be elsewhere than in training.

    Raises:
        MissingFileError: if there is no such checkpoint.
    """
    if not checkpoint.is_file():
        raise MissingFileError(f"no checkpoint {checkpoint}: fine-tune a model first")
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(checkpoint)], arg_overrides={"data": str(data)}
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.float().to(device).eval(), task


@torch.no_grad()
def predict_split(
    model: BaseFairseqModel,
    task: FairseqTask,
    split: str,
    max_tokens: int = MAX_TOKENS,
    progress: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Predict a whole split.

    Args:
        model: as :func:`load_classifier` gives it.
        task: the same.
        split: of the task's data.
        max_tokens: of a batch, with padding.
        progress: called with the number of examples that were done.
    """
    dataset = task.load_dataset(split)
    if dataset.supports_prefetch:  # data of --dataset-impl cached
        dataset.prefetch(range(len(dataset)))
    device = next(model.parameters()).device
    scores, gold = None, None
    sizes = [dataset.num_tokens(i) for i in range(len(dataset))]
    for indices in batches_by_length(sizes, max_tokens):
        sample = dataset.collater([dataset[i] for i in indices])
        sample = utils.apply_to_sample(lambda tensor: tensor.to(device), sample)
        logits, _ = model(
            **sample["net_input"],
            features_only=True,
            classification_head_name=task.cfg.classification_head_name,
        )
        logits = logits.float().cpu().numpy()
        if scores is None:
            scores = np.empty((len(dataset), logits.shape[1]), np.float32)
        scores[indices] = logits
        if "target" in sample:
            target = sample["target"].view(-1).cpu().numpy()
            if gold is None:
                kind = np.float32 if task.cfg.regression_target else np.int64
                gold = np.empty(len(dataset), kind)
            gold[indices] = target
        progress(len(indices))
    return Predictions(scores, gold)


def batches_by_length(sizes: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Indices of examples, those of like length together, the longest first; at least one a batch.

    Args:
        sizes: tokens of each example.
        max_tokens: of a batch, with padding.
    """
    order = np.argsort(-np.asarray(sizes), kind="stable").tolist()
    while order:
        count = max(max_tokens // max(sizes[order[0]], 1), 1)
        yield order[:count]
        order = order[count:]
