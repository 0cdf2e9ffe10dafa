"""Texts that are longer than a model reads: count them, and say so."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..text_rows import Text

if TYPE_CHECKING:
    from ..inference import Predictor  # imports torch, which takes seconds


def count_truncated(predictor: "Predictor", texts: Sequence[Text]) -> dict[str, int]:
    """Count the texts that are longer than a model reads.

    Args:
        predictor: the model.
        texts: everything that it reads; a pair counts as one text.

    Returns:
        ``{cut_texts, num_texts, max_positions}``.
    """
    return {
        "cut_texts": int(predictor.is_truncated(texts).sum()),
        "num_texts": len(texts),
        "max_positions": predictor.max_positions,
    }


def truncation_sentence(name: str, counts: Mapping[str, int]) -> str:
    """Write a sentence about truncated texts.

    Args:
        name: what to call the model.
        counts: what :func:`count_truncated` returns.

    Returns:
        a sentence; empty if no text was truncated.
    """
    if not counts["cut_texts"]:
        return ""
    return (
        f"{name}: {counts['cut_texts']:,} of {counts['num_texts']:,} texts were longer than the "
        f"model's {counts['max_positions']:,} positions and were truncated."
    )
