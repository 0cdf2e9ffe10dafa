"""What the runs of the comparison are measured by on held-out text, the same for all of them."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from cline_fairseq.data.cline_dataset import ClineDataset
from cline_fairseq.tasks.cline import ClineConfig, ClineTask

_BATCH = 16  # blocks


def build_task(data: str, subwords: dict, tokens_per_sample: int, **options) -> ClineTask:
    """The task on a corpus, with seed 1, both splits loaded."""
    cfg = ClineConfig(
        data=data,
        subwords=subwords,
        tokens_per_sample=tokens_per_sample,
        train_subset="train",
        seed=1,
        **options,
    )
    task = ClineTask.setup_task(cfg)
    for split in ("train", "valid"):
        task.load_dataset(split)
    return task


@torch.inference_mode()
def masked_lm_bits(model: torch.nn.Module, task: ClineTask) -> float:
    """The masked-LM loss of the masked originals of the held-out text, in bits per token.

    Blocks and masks depend on nothing but the corpus, so that all models predict the same tokens.
    """
    nats, count = 0.0, 0
    for batch in _batches(task.datasets["valid"]):
        texts = batch["nsentences"]
        target = batch["mlm_target"][:texts]
        predicted = target.ne(task.dictionary.pad())
        tokens = batch["net_input"]["src_tokens"][:texts]
        logits = model(tokens, masked_tokens=predicted)[0].float()
        nats += float(cross_entropy(logits, target[predicted], reduction="sum"))
        count += int(predicted.sum())
    return nats / count / np.log(2)


def words_alone(task: ClineTask, num_blocks: int = 3000) -> float:
    """How often the synonym view can be told by its words alone, without the original.

    Each token has a log-odds of being in a synonym view rather than in an antonym view, from
    training text; the view with the greater sum is said to be the synonym view. This is what a
    model can learn without comparing texts, and no matching of numbers takes it away.
    """
    counts = np.ones((2, len(task.dictionary)))
    for view, tokens, _ in _views(task.datasets["train"], num_blocks):
        np.add.at(counts[view], tokens, 1)
    odds = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
    sums = [{}, {}]
    for view, tokens, text in _views(task.datasets["valid"], num_blocks):
        sums[view][text] = odds[tokens].sum()
    difference = [sums[0][text] - sums[1][text] for text in sums[0]]
    return float(np.mean((np.sign(difference) + 1) / 2))


def _views(dataset: ClineDataset, num_blocks):
    """The tokens of both views of texts with contrast: 0 or 1, tokens, number of the text."""
    for batch in _batches(dataset, num_blocks):
        texts = batch["nsentences"]
        rows, lengths = batch["net_input"]["src_tokens"], batch["net_input"]["src_lengths"]
        for i in batch["has_contrast"].nonzero()[:, 0].tolist():
            for view in range(2):
                row = (1 + view) * texts + i
                yield view, rows[row, : lengths[row]].numpy(), int(batch["id"][i])


def _batches(dataset: ClineDataset, num_blocks: int | None = None):
    """Batches of a split, or of blocks that are spread evenly over it."""
    count = min(num_blocks or len(dataset), len(dataset))
    indices = np.linspace(0, len(dataset) - 1, count).astype(int)
    for start in range(0, count, _BATCH):
        yield dataset.collater([dataset[int(i)] for i in indices[start : start + _BATCH]])
