"""Masking for the masked-LM loss, of many texts at once."""

from typing import NamedTuple

import numpy as np


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
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask texts.

        Args:
            tokens: int (N,), texts one after the other.
            text: int (N,), which text a token is of, ascending.
            units: int (N,), the index of the first token of the unit that is masked as a whole:
                the token itself, or the first one of its word.
            generators: one for each text.

        Returns:
            The masked tokens (N,), and which tokens are predicted, bool (N,).
        """
        counts = np.bincount(text, minlength=len(generators))
        draws = np.concatenate(
            [g.random((3, n)) for g, n in zip(generators, counts.tolist(), strict=True)], axis=1
        )
        extra = np.array([generator.random() for generator in generators])
        maskable = self.maskable[tokens]
        # The fraction of a token that is left over is masked with its probability.
        wanted = np.floor(self.prob * np.bincount(text[maskable], minlength=len(counts)) + extra)

        order = np.argsort(text * 4 + 2 * ~maskable + draws[0][units], kind="stable")
        place = np.empty(len(tokens), np.int64)
        place[order] = np.arange(len(tokens))
        place -= (np.cumsum(counts) - counts)[text]
        predicted = (place[units] < wanted[text]) & maskable

        masked = tokens.copy()
        kept = draws[1] < self.leave_unmasked_prob
        random = ~kept & (draws[1] < self.leave_unmasked_prob + self.random_token_prob)
        masked[predicted & ~kept & ~random] = self.mask_id
        at = predicted & random
        random_ids = np.flatnonzero(self.maskable)
        masked[at] = random_ids[(draws[2][at] * len(random_ids)).astype(np.intp)]
        return masked, predicted
