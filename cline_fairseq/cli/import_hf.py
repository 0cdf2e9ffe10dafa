"""Import a RoBERTa or BERT model from Hugging Face, for fairseq: checkpoint, dictionary, tokenizer.

    cline-fairseq import-hf --model roberta-base --dest roberta-base
    cline-fairseq import-hf --model folder/of/a/model --dest my-roberta

--model is a folder, or a name on Hugging Face's hub, which is then downloaded. Tokenizers are
byte-level BPE like GPT-2's, SentencePiece like XLM-R's, or WordPiece like BERT's. The program ends
by printing the commands that encode a corpus with the tokenizer and train from the model.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..atomic_io import require_new_folder
from ..convert.next_steps import next_steps
from ..runtime.terminal import printable
from .options import program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="folder of a model, or its name on Hugging Face's hub",
    )
    parser.add_argument("--dest", type=Path, required=True, metavar="DIR", help="folder to create")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    require_new_folder(args.dest)
    from ..convert.import_hf import import_hf, model_folder  # imports torch, which takes seconds

    imported = import_hf(model_folder(args.model), args.dest)
    for note in imported.notes:
        print(printable(f"note: {note}"))
    print(
        f"{args.dest}: {imported.num_layers} layers, {imported.dim} wide, "
        f"{imported.num_symbols:,} symbols\n"
    )
    print(printable(next_steps(args.dest, imported.bpe, imported.max_positions)), end="")
