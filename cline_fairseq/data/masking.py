"""Masking for the masked-LM loss, of many texts at once."""

from typing import NamedTuple

import numpy as np

from ..rewriting.segments import draw_uniform, random_order


class Masking(NamedTuple):
    """Dynamic masking as in BERT and RoBERTa: 15 % of the tokens, of which 80/10/10.

    Unlike fairseq's ``MaskTokensDataset``, special tokens are never masked, and the draws of a
    text hang on nothing but its own generator.
    """

    mask_id: int
    maskable: np.ndarray  # bool (vocabulary,), ids that may be predicted, or drawn at random
    prob: float = 0.15
    leave_unmasked_prob: float = 0.1
    random_token_prob: float = 0.1

    def apply(
        self,
        tokens: np.ndarray,
        text: np.ndarray,
        units: np.ndarray,
        generators: list[np.random.Generator],
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask texts.

        Args:
            tokens: int (N,), texts one after the other.
            text: int (N,), which text a token is of, ascending.
            units: int (N,), the index of the first token of the unit that is masked as a whole:
                the token itself, or the first one of its word.
            generators: one for each text.
            allowed: bool (N,), the only tokens that may be masked (default: all). The others still
                count in the number of tokens to mask.

        Returns:
            The masked tokens (N,), and which tokens are predicted, bool (N,).
        """
        counts = np.bincount(text, minlength=len(generators))
        draws = draw_uniform(generators, (3,), counts.tolist())
        extra = np.array([generator.random() for generator in generators])
        maskable = _whole(self.maskable[tokens], units)
        unit_sizes = np.bincount(units, minlength=len(tokens))[units]
        # The fraction of a token that is left over is masked with its probability.
        wanted = np.floor(self.prob * np.bincount(text[maskable], minlength=len(counts)) + extra)
        if allowed is not None:
            maskable &= _whole(allowed, units)

        order = random_order(text, ~maskable, draws[0][units])
        place = np.empty(len(tokens), np.int64)
        place[order] = np.arange(len(tokens))
        place -= (np.cumsum(counts) - counts)[text]
        predicted = (place[units] + unit_sizes / 2 <= wanted[text]) & maskable

        masked = tokens.copy()
        kept = draws[1] < self.leave_unmasked_prob
        random = ~kept & (draws[1] < self.leave_unmasked_prob + self.random_token_prob)
        masked[predicted & ~kept & ~random] = self.mask_id
        at = predicted & random
        random_ids = np.flatnonzero(self.maskable)
        masked[at] = random_ids[(draws[2][at] * len(random_ids)).astype(np.intp)]
        return masked, predicted


def _whole(good, units):
    """A unit is masked as a whole or not at all, so that one bad token spares all of it."""
    return np.bincount(units, ~good, minlength=len(good))[units] == 0
