"""Predictions of a classifier that fairseq's sentence_prediction trained, over a whole split."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fairseq import checkpoint_utils, utils
from fairseq.models import BaseFairseqModel
from fairseq.tasks import FairseqTask

from .. import compat  # noqa: F401  lets torch load what fairseq saves
from ..errors import MissingFileError

MAX_TOKENS = 8192  # of a batch, with padding


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
def predict(
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


def label_names(task: FairseqTask, classes: np.ndarray) -> list[str]:
    """Names of classes, which fairseq numbers by the frequency of their labels.

    Args:
        task: that the model was trained with.
        classes: int64 (N,).
    """
    dictionary = task.label_dictionary
    return [dictionary[dictionary.nspecial + c] for c in classes.tolist()]


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
