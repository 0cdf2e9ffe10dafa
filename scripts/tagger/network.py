"""The network of the tagger, in floating point and in integers. Its training needs torch."""

import numpy as np
import torch
import torch.nn.functional as F

from cline_fairseq.rewriting.tagger import MAX_ACTIVATION, OFFSETS, Tagger
from cline_fairseq.rewriting.tags import TAGS


class TaggerNetwork(torch.nn.Module):
    """The tagger in floating point: a sum of feature vectors, a window, two hidden layers."""

    def __init__(self, num_features: int, width: int, hidden: list[int], dropout: float):
        super().__init__()
        self.vectors = torch.nn.EmbeddingBag(
            num_features + 1, width, mode="sum", padding_idx=num_features
        )  # the last stands for features that are not known
        self.first = torch.nn.Conv1d(width, hidden[0], len(OFFSETS))
        self.second = torch.nn.Linear(*hidden)
        self.output = torch.nn.Linear(hidden[1], len(TAGS))
        self.dropout = torch.nn.Dropout(dropout)
        torch.nn.init.normal_(self.vectors.weight, std=0.1)
        with torch.no_grad():
            self.vectors.weight[num_features] = 0

    def hidden(self, features):
        """Both hidden layers, (N - 4, hidden) each."""
        first = F.relu(self.first(self.vectors(features).T[None])[0].T)
        second = F.relu(self.second(self.dropout(first)))
        return first, second

    def forward(self, features):
        """Scores (N - 4, tags) of a running text (N, features), N with boundaries."""
        return self.output(self.dropout(self.hidden(features)[1]))


@torch.no_grad()
def quantised(network: TaggerNetwork, keys: np.ndarray, sample: torch.Tensor) -> Tagger:
    """The network in integers. A sample of text shows how large activations become."""
    # An activation of 1.0 becomes unit1, unit2; the largest few of 10,000 are cut off.
    unit1, unit2 = (
        0.95 * MAX_ACTIVATION / np.quantile(hidden.numpy(), 0.9999)
        for hidden in network.hidden(sample)
    )
    vectors = network.vectors.weight.numpy()[: len(keys)]
    by = 127 / np.quantile(np.abs(vectors), 0.99999)
    first = network.first.weight.numpy().transpose(2, 1, 0)
    shift1 = int(np.log2(by / unit1 * 2047 / np.abs(first).max()))
    second = network.second.weight.numpy().T
    shift2 = max(0, int(np.log2(unit1 / unit2 * 127 / np.abs(second).max())))
    by2 = min(127 / np.abs(second).max(), unit2 / unit1 * 2**shift2)
    unit2 = unit1 * by2 / 2**shift2
    output = network.output.weight.numpy().T
    by3 = 127 / np.abs(output).max()

    def rounded(array, dtype):
        limit = np.iinfo(dtype).max
        return np.clip(np.rint(array), -limit, limit).astype(dtype)

    return Tagger(
        {
            "features": keys,
            "vectors": rounded(vectors * by, np.int8),
            "first": rounded(first * (unit1 * 2**shift1 / by), np.int16),
            "first_bias": rounded(network.first.bias.numpy() * unit1, np.int16),
            "second": rounded(second * by2, np.int8),
            "second_bias": rounded(network.second.bias.numpy() * (unit1 * by2), np.int32),
            "output": rounded(output * by3, np.int8),
            "output_bias": rounded(network.output.bias.numpy() * (unit2 * by3), np.int32),
            "shifts": np.array([shift1, shift2], np.int8),
        }
    )
