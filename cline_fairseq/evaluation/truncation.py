"""Texts that a model does not read to their end: counted, and told."""

from collections.abc import Mapping, Sequence


def count_truncated(predictor, texts: Sequence) -> dict[str, int]:
    """Count the texts that are longer than a model reads.

    Args:
        predictor: of the model.
        texts: all that it is given; a pair counts as one text.

    Returns:
        ``{cut_texts, num_texts, max_positions}``.
    """
    return {
        "cut_texts": int(predictor.is_truncated(texts).sum()),
        "num_texts": len(texts),
        "max_positions": predictor.max_positions,
    }


def truncation_sentence(name: str, counts: Mapping[str, int]) -> str:
    """What :func:`count_truncated` found, for people; empty if no text was cut."""
    if not counts["cut_texts"]:
        return ""
    return (
        f"{name}: {counts['cut_texts']:,} of {counts['num_texts']:,} texts are longer than the "
        f"{counts['max_positions']:,} tokens that the model reads at most; the rest of them was "
        "ignored."
    )
