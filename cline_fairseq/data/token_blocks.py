"""Joins the lines of a corpus into blocks of tokens."""

import logging

from fairseq.data import ConcatDataset, Dictionary, PrependTokenDataset, TokenBlockDataset

from .corpus_lines import CutLinesDataset, cut_lines

logger = logging.getLogger(__name__)


def token_blocks(
    lines, dictionary: Dictionary, length: int, break_mode: str, name: str
) -> PrependTokenDataset:
    """Join the lines of a corpus into blocks that begin with ``<s>``.

    Args:
        lines: dataset of lines of tokens.
        dictionary: of the tokens.
        length: maximum length of a block in tokens, with ``<s>``.
        break_mode: how lines form blocks; see ``--sample-break-mode``.
        name: name of the corpus in the log.
    """
    length -= 1  # for <s>
    if break_mode != "none":
        # In eos mode, a blank line would become a text that consists of </s> alone.
        lines = cut_lines(lines, length, min_length=2 if break_mode == "eos" else 0)
        _log_cut(lines, length, name)
    blocks = TokenBlockDataset(
        lines,
        lines.sizes,
        length,
        pad=dictionary.pad(),
        eos=dictionary.eos(),
        break_mode=break_mode,
    )
    logger.info("%s: %s blocks", name, f"{len(blocks):,}")
    return PrependTokenDataset(blocks, dictionary.bos())


def _log_cut(lines, length, name):
    parts = lines.datasets if isinstance(lines, ConcatDataset) else [lines]
    cut = sum(part.num_cut for part in parts if isinstance(part, CutLinesDataset))
    if cut:
        logger.info(
            "%s: %s lines are longer than a block of %s tokens and were split; all of their text "
            "is used",
            name,
            f"{cut:,}",
            length,
        )
