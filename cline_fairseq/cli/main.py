"""``cline-fairseq COMMAND``: list the programs, or run one."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..runtime.interrupts import end_at_once

# By purpose: each command with its summary. Listing them imports nothing.
COMMANDS = {
    "Start here": {
        "quickstart": "pre-train a small model on this machine, in minutes",
        "user-dir": "print the folder for fairseq's --user-dir",
        "show-options": "list the options that CLINE adds to fairseq-train",
    },
    "Prepare a corpus": {
        "train-tokenizer": "train a SentencePiece tokenizer; write its model and dict.txt",
        "encode": "encode text into fairseq's binarized files",
        "inspect-data": "show what a binarized corpus holds, with its rewrites",
        "rewrite": "rewrite text: a synonym view and an antonym view of each line",
    },
    "Look at training": {
        "plot-training": "draw training curves from a log",
    },
    "Fine-tune": {
        "finetune": "fine-tune a checkpoint on labelled texts of your own, with several seeds",
    },
    "GLUE": {
        "glue-preprocess": "binarize GLUE's tasks for fairseq",
        "glue-finetune": "fine-tune a checkpoint on a task, with several seeds",
        "glue-report": "tables of fine-tuned runs over tasks and seeds",
        "glue-submit": "pack test predictions for the leaderboard",
    },
    "Robustness": {
        "evaluate-contrast": "contrast sets: accuracy and consistency",
        "evaluate-hits": "Hits: is a sentence closer to its synonym view?",
        "evaluate-similarity": "STS-B and the like: does the cosine agree with human scores?",
        "evaluate-advglue": "AdvGLUE's attacked dev sets",
        "attack": "word-substitution attacks of TextAttack",
        "plot-embeddings": "draw sentence vectors and their similarities",
    },
    "Convert": {
        "import-hf": "Hugging Face model to a fairseq checkpoint",
        "export-hf": "checkpoint to a Hugging Face model",
        "export-roberta": "checkpoint to fairseq's plain RoBERTa",
        "export-cline": "checkpoint to a folder for ClineModel.from_pretrained",
    },
}
_USAGE = "usage: cline-fairseq COMMAND [OPTIONS]"


def run(command: str, argv: Sequence[str] | None = None) -> None:
    """Run a program as the main task of this process.

    Errors of the user, and Ctrl-C, end the process with one sentence.

    Args:
        command: one of :data:`COMMANDS`.
        argv: its arguments (None: those of the process).
    """
    end_at_once()  # before the imports, which take seconds
    from ..errors import show_input_errors_plainly

    show_input_errors_plainly()
    importlib.import_module(f".{command.replace('-', '_')}", __package__).main(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program that the first argument names.

    Args:
        argv: command and arguments (None: those of the process).
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_help())
    elif command == "--version":
        print(f"cline-fairseq {__version__}")
    elif any(command in commands for commands in COMMANDS.values()):
        run(command, arguments[1:])
    else:
        print(f"{_USAGE}\ncline-fairseq: error: {_unknown(command)}", file=sys.stderr)
        sys.exit(2)


def _help():
    lines = [
        _USAGE,
        "",
        "CLINE pre-training for fairseq. cline-fairseq COMMAND --help shows its options.",
    ]
    for purpose, commands in COMMANDS.items():
        lines += ["", f"{purpose}:"]
        lines += [f"  {name:<20} {summary}" for name, summary in commands.items()]
    return "\n".join(lines)


def _unknown(command):
    import difflib

    names = [name for commands in COMMANDS.values() for name in commands]
    close = difflib.get_close_matches(Path(command).stem.replace("_", "-"), names, 1)
    hint = f"did you mean {close[0]}?" if close else "cline-fairseq --help lists the commands"
    return f"no command {command!r}; {hint}"
