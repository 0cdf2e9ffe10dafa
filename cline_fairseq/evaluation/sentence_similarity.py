"""How well the cosine of sentence vectors agrees with people, by layer and pooling."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ..inference import POOLS, Predictor, mean_pool
from .geometry import unit
from .sentence_pairs import ScoredPair

_WINDOW = 1000  # pairs whose vectors of all layers are in memory at a time


class PairVectors(NamedTuple):
    """What is needed of the vectors of N pairs.

    Attributes:
        cosines: float64 (num_layers + 1, poolings, N), embeddings first, poolings in the order of
            :data:`~cline_fairseq.inference.POOLS`.
        last: vectors of the last layer, scaled to length 1, float32 (poolings, 2, N, C).
    """

    cosines: np.ndarray
    last: np.ndarray


def pair_vectors(
    predictor: Predictor,
    pairs: Sequence[ScoredPair],
    progress: Callable[[int], None] = lambda count: None,
) -> PairVectors:
    """Embed pairs of sentences, each sentence by itself.

    Args:
        predictor: an encoder, or a classifier, of which the encoder is used.
        pairs: N pairs.
        progress: called with the number of sentences done since the last call.
    """
    layers, dim = predictor.num_layers + 1, predictor.model.args.encoder_embed_dim
    cosines = np.empty((layers, len(POOLS), len(pairs)))
    last = np.empty((len(POOLS), 2, len(pairs), dim), np.float32)
    for start in range(0, len(pairs), _WINDOW):
        window = pairs[start : start + _WINDOW]
        count = len(window)
        texts = [pair.first for pair in window] + [pair.second for pair in window]
        vectors = np.empty((layers, len(POOLS), len(texts), dim), np.float32)
        for batch in predictor.hidden_states(texts, progress):
            for layer, states in enumerate(batch.layers):
                positions = torch.arange(states.shape[1], device=states.device)
                mask = positions < batch.lengths.to(states.device)[:, None]
                pooled = {"cls": states[:, 0], "mean": mean_pool(states, mask)}
                for i, pool in enumerate(POOLS):
                    vectors[layer, i, batch.indices] = pooled[pool].float().cpu().numpy()
        for layer in range(layers):
            for i in range(len(POOLS)):
                both = unit(vectors[layer, i])
                found = (both[:count] * both[count:]).sum(1)
                cosines[layer, i, start : start + count] = found
                if layer == layers - 1:
                    last[i, :, start : start + count] = both.reshape(2, count, dim)
    return PairVectors(cosines, last)
