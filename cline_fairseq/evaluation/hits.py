"""Hits: how often a text is closer to its synonym view than to its antonym view, layer by layer.

The unsupervised metric of Table 7 in CLINE (Wang et al. 2021, arXiv 2107.00440): a layer that
represents the meaning of a text finds the view with the same meaning.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from fairseq.data import data_utils
from torch import Tensor

from ..dictionary import SPECIAL
from ..inference import MAX_TOKENS, Predictor, batches_by_length
from ..text_rows import WINDOW
from .geometry import TIE
from .similarities import SIMILARITY_FUNCTIONS, TokenVectors
from .triples import Triple

_PAD = SPECIAL.index("<pad>")
_NO_CONTENT = [SPECIAL.index(symbol) for symbol in ("<s>", "<pad>", "</s>")]


def wins(to_synonym: Tensor, to_antonym: Tensor) -> Tensor:
    """Find the originals that are closer to their synonym view.

    Args:
        to_synonym: similarities of originals and synonym views, float (B,).
        to_antonym: similarities of originals and antonym views, float (B,).

    Returns:
        float64 (B,): 1 where the synonym view is closer, 0 where it is not, and 0.5 for ties, the
        mean score of a guess.
    """
    difference = (to_synonym - to_antonym).double()
    size = torch.maximum(to_synonym.abs(), to_antonym.abs())
    difference[difference.abs() <= TIE * size] = 0
    return (difference.sign() + 1) / 2


def wins_by_layer(layers: Iterable[Tensor], mask: Tensor, content: Tensor) -> Tensor:
    """Compute :func:`wins` for B triples, in all layers, by all similarities.

    Args:
        layers: vectors of B originals, B synonym views and B antonym views, float (3B, T, C) each.
        mask: bool (3B, T), False at padding.
        content: bool (3B, T), False at padding and special tokens.

    Returns:
        float64 (B, layers, similarities), similarities in the order of
        :data:`~.similarities.SIMILARITY_FUNCTIONS`.
    """
    results = []
    for vectors in layers:
        parts = zip(*(part.chunk(3) for part in (vectors, mask, content)), strict=True)
        original, synonym, antonym = (TokenVectors(*part) for part in parts)
        columns = [
            wins(f(original, synonym), f(original, antonym)) for f in SIMILARITY_FUNCTIONS.values()
        ]
        results.append(torch.stack(columns, dim=1))
    return torch.stack(results, dim=1)


def evaluate_hits(
    predictor: Predictor,
    triples: Sequence[Triple],
    max_tokens: int = MAX_TOKENS,
    progress: Callable[[int], None] = lambda count: None,
) -> np.ndarray:
    """Compute :func:`wins` for all triples.

    Texts that are too long for the model are truncated, as the predictor does; a triple whose
    replacements are all cut off is a tie.

    Args:
        predictor: an encoder, or a classifier, of which the encoder is used.
        triples: N triples.
        max_tokens: maximum number of tokens in a batch, with padding. It changes results only by
            rounding.
        progress: called with the number of triples done since the last call.

    Returns:
        float64 (N, num_layers + 1, similarities), embeddings first, similarities in the order of
        :data:`~.similarities.SIMILARITY_FUNCTIONS`.
    """
    result = np.empty((len(triples), predictor.num_layers + 1, len(SIMILARITY_FUNCTIONS)))
    for start in range(0, len(triples), WINDOW):  # only these are encoded at a time
        window = triples[start : start + WINDOW]
        for indices, values in _evaluate_window(predictor, window, max_tokens):
            result[start + indices] = values
            progress(len(indices))
    return result


def _evaluate_window(predictor, triples, max_tokens):
    """Yield the wins of some triples, a batch at a time, with their indices."""
    count = len(triples)
    rows = predictor.encode([text for view in zip(*triples, strict=True) for text in view])
    sizes = np.array([len(row) for row in rows]).reshape(3, count).max(0)
    for indices in batches_by_length(sizes, max_tokens // 3):
        row_ids = [i + view * count for view in range(3) for i in indices]
        tokens = data_utils.collate_tokens([torch.from_numpy(rows[i]) for i in row_ids], _PAD)
        layers = _in_order(predictor.hidden_states_of([rows[i] for i in row_ids]), *tokens.shape)
        content = torch.isin(tokens, torch.tensor(_NO_CONTENT), invert=True)
        masks = (mask.to(predictor.device) for mask in (tokens.ne(_PAD), content))
        yield np.asarray(indices), wins_by_layer(layers, *masks).cpu().numpy()


def _in_order(batches, rows, width):
    """Put the vectors of batches into the order of the texts: (rows, width, C) for each layer."""
    layers = None
    for batch in batches:
        if layers is None:
            layers = [v.new_zeros(rows, width, v.shape[2]) for v in batch.layers]
        for layer, vectors in zip(layers, batch.layers, strict=True):
            layer[batch.indices, : vectors.shape[1]] = vectors
    return layers
