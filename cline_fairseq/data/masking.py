"""Masking for the masked-LM loss, for many texts at once."""

from typing import NamedTuple

import numpy as np

from ..rewriting.segments import draw_uniform, random_order


class Masking(NamedTuple):
    """Dynamic masking as in BERT and RoBERTa.

    A share ``prob`` of the tokens is predicted. Of these, ``leave_unmasked_prob`` are kept,
    ``random_token_prob`` are replaced by random tokens, and the others by ``<mask>``.

    Unlike fairseq's ``MaskTokensDataset``, it never masks special tokens, and the draws for a text
    depend only on the text's own generator.
    """

    mask_id: int
    maskable: np.ndarray  # bool (vocabulary,), ids that can be predicted, or drawn as random tokens
    prob: float = 0.15
    leave_unmasked_prob: float = 0.1
    random_token_prob: float = 0.1

    def apply(
        self,
        tokens: np.ndarray,
        text_ids: np.ndarray,
        units: np.ndarray,
        generators: list[np.random.Generator],
        allowed: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask texts.

        Args:
            tokens: int (N,), one text after the other.
            text_ids: int (N,), the text of each token, ascending.
            units: int (N,), the index of the first token of the unit that is masked as a whole:
                of the token itself, or of its word.
            generators: one for each text.
            allowed: bool (N,), the tokens that may be masked (default: all). The others still
                count when computing how many tokens to mask.

        Returns:
            The masked tokens, int (N,), and which tokens are predicted, bool (N,).
        """
        counts = np.bincount(text_ids, minlength=len(generators))
        draws = draw_uniform(generators, (3,), counts.tolist())
        extra = np.array([generator.random() for generator in generators])
        maskable = _whole(self.maskable[tokens], units)
        unit_sizes = np.bincount(units, minlength=len(tokens))[units]
        # Round at random, so that the expected number is exact.
        candidates = np.bincount(text_ids[maskable], minlength=len(counts))
        wanted = np.floor(self.prob * candidates + extra)
        if allowed is not None:
            maskable &= _whole(allowed, units)

        order = random_order(text_ids, ~maskable, draws[0][units])
        place = np.empty(len(tokens), np.int64)
        place[order] = np.arange(len(tokens))
        place -= (np.cumsum(counts) - counts)[text_ids]
        predicted = (place[units] + unit_sizes / 2 <= wanted[text_ids]) & maskable

        masked = tokens.copy()
        kept = draws[1] < self.leave_unmasked_prob
        random = ~kept & (draws[1] < self.leave_unmasked_prob + self.random_token_prob)
        masked[predicted & ~kept & ~random] = self.mask_id
        at = predicted & random
        random_ids = np.flatnonzero(self.maskable)
        masked[at] = random_ids[(draws[2][at] * len(random_ids)).astype(np.intp)]
        return masked, predicted


def _whole(good, units):
    """Whether all tokens of the unit are good, since it is masked as a whole: bool (N,)."""
    return np.bincount(units, ~good, minlength=len(good))[units] == 0
