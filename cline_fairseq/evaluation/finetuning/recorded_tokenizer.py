"""The tokenizer that a fine-tuned checkpoint records."""

import sys
from collections.abc import Sequence
from pathlib import Path

from ...checkpoint_files import Record, find_tokenizer, tokenizer_in


def tokenizer_options(checkpoint: Path, data: Path, extra: Sequence[str]) -> list[str]:
    """Return options that make the fine-tuned checkpoint record the tokenizer of its data.

    Fine-tuning itself does not use a tokenizer. It is the one next to the data, where it was
    binarized, or else the checkpoint's.

    Args:
        checkpoint: the model to fine-tune.
        data: folder with the binarized task.
        extra: further options of fairseq-train, which may name a tokenizer themselves.
    """
    if any(option.startswith("--bpe") for option in extra):
        return []
    from ...checkpoint import read_checkpoint

    tokenizer = tokenizer_in([data])
    if tokenizer is None:
        record = Record.of(read_checkpoint(checkpoint)["cfg"])
        tokenizer = find_tokenizer(checkpoint, record, data)
    if tokenizer is None:
        print("note: no tokenizer was found to record; evaluation needs --bpe", file=sys.stderr)
        return []
    return tokenizer.command_line()
