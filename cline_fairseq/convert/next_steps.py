"""Commands that continue with an imported model, ready to copy into a shell."""

import shlex
from pathlib import Path

from ..checkpoint_files import CHECKPOINT, DICTIONARY, copied_tokenizer

_LONGEST = 512  # tokens of a training text, as in the paper
_TRAINING = (
    "--batch-size 16",
    "--optimizer fused_adamw --lr 1e-4 --clip-norm 1",
    "--lr-scheduler polynomial_decay --warmup-updates 500 --total-num-update 30000",
    "--max-update 30000 --save-dir checkpoints --no-epoch-checkpoints",
    "--save-interval-updates 1000 --keep-interval-updates 1",
)


def next_steps(folder: Path, bpe: str, max_positions: int) -> str:
    """Write the commands that encode a corpus and train from an imported model.

    Args:
        folder: the folder with the imported model, its dictionary and its tokenizer.
        bpe: fairseq's name of the tokenizer.
        max_positions: the most tokens that the model reads.

    Returns:
        text with shell commands. They read ``train.txt`` and ``valid.txt``, and write ``data-bin``
        and ``checkpoints``.
    """
    quoted = shlex.quote(str(folder))
    options = copied_tokenizer(folder, bpe).command_line(absolute=False)
    tokenizer = " ".join(
        quoted + option.removeprefix(str(folder)) if option.startswith(f"{folder}/") else option
        for option in options
    )
    encode = _command(
        f"cline-fairseq encode {tokenizer}",
        f'--dict {quoted}/{DICTIONARY} --input "$split.txt"',
        '--binarize --dest data-bin --split "$split"',
    ).replace("\n", "\n    ")
    train = _command(
        'fairseq-train data-bin --user-dir "$(cline-fairseq user-dir)"',
        "--task cline --criterion cline --arch cline_base",
        f"--finetune-from-model {quoted}/{CHECKPOINT}",
        tokenizer,
        f"--tokens-per-sample {min(_LONGEST, max_positions)}",
        *_TRAINING,
    )
    return (
        f"Encode train.txt and valid.txt:\n\n"
        f"for split in train valid; do\n    {encode}\ndone\n\n"
        f"Train from the model:\n\n{train}\n"
    )


def _command(*parts: str) -> str:
    return " \\\n    ".join(parts)
