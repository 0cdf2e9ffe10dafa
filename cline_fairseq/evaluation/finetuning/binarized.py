"""Predictions of a classifier for binarized data."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from fairseq import checkpoint_utils, utils
from fairseq.models import BaseFairseqModel
from fairseq.tasks import FairseqTask

from ...errors import MissingFileError
from ...inference import MAX_TOKENS, batches_by_length, default_device


class Predictions(NamedTuple):
    """A model's predictions for the N examples of a split, in the order of the data."""

    scores: np.ndarray  # float32 (N, classes), logits; (N, 1) for regression
    gold: np.ndarray | None  # (N,) int64 classes or float32 values; None without labels


def load_classifier(checkpoint: Path, data: Path) -> tuple[BaseFairseqModel, FairseqTask]:
    """Load a classifier for :func:`predict_split`, which reads binarized data.

    :func:`~cline_fairseq.checkpoint.load_model` is for plain text: it also needs the tokenizer and
    checks that the tokenizer fits. Binarized data can do without, for example if
    fairseq-preprocess wrote them.

    Args:
        checkpoint: checkpoint of a run with ``--task sentence_prediction``.
        data: the folder with the binarized data; may differ from the folder used in training.

    Returns:
        the model on the default device, in fp32 and eval mode; and the task that trained it.

    Raises:
        MissingFileError: if the checkpoint does not exist.
    """
    if not checkpoint.is_file():
        raise MissingFileError(f"no checkpoint {checkpoint}: fine-tune a model first")
    (model,), _, task = checkpoint_utils.load_model_ensemble_and_task(
        [str(checkpoint)], arg_overrides={"data": str(data)}
    )
    return model.float().to(default_device()).eval(), task


@torch.no_grad()
def predict_split(
    model: BaseFairseqModel,
    task: FairseqTask,
    split: str,
    max_tokens: int = MAX_TOKENS,
    progress: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Predict the examples of a split of binarized data.

    Unlike :meth:`.Predictor.logits`, this takes the examples as the task builds them for
    fine-tuning, with gold labels and with the task's way to shorten texts.

    Args:
        model: the classifier, see :func:`load_classifier`.
        task: the task that trained it.
        split: name of the split in the task's data.
        max_tokens: maximum number of tokens in a batch, including padding.
        progress: called with the number of examples processed since the last call.
    """
    dataset = task.load_dataset(split)
    if dataset.supports_prefetch:  # with --dataset-impl cached
        dataset.prefetch(range(len(dataset)))
    device = next(model.parameters()).device
    scores: np.ndarray | None = None
    gold: np.ndarray | None = None
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
    return Predictions(np.empty((0, 0), np.float32) if scores is None else scores, gold)
