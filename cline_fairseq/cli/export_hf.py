"""Export a checkpoint to a folder for Hugging Face's transformers.

An encoder with its LM head (for AutoModel, AutoModelForMaskedLM and fill-mask):

    cline-fairseq export-hf --checkpoint checkpoints/checkpoint_best.pt --dest my-cline

A classifier made by cline-fairseq glue-finetune, with its labels (for
AutoModelForSequenceClassification):

    cline-fairseq export-hf --checkpoint runs/cline/SST-2/seed1/checkpoint_best.pt \\
        --dest my-cline-sst2

GLUE's tasks with the labels 0 and 1 get names for them, such as negative and positive for SST-2;
--labels sets other names.

The folder holds the model, a fast tokenizer and a model card with the training settings.
"""

import argparse
from collections.abc import Sequence

from ..runtime.terminal import printable
from .options import add_export_options, load_from_options, parse_labels, program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_export_options(parser)
    parser.add_argument(
        "--rtd-head", action="store_true", help="also write the RTD head, to rtd_head.safetensors"
    )
    parser.add_argument(
        "--labels",
        type=parse_labels,
        metavar="DATA=NAME,...",
        help="names for a classifier's labels, e.g. 0=negative,1=positive; if it is left out, "
        "labels 0 and 1 of GLUE's tasks get names that say what they mean",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    loaded = load_from_options(args)
    from ..convert.export_hf import export_hf  # imports torch, which takes seconds

    model, notes = export_hf(loaded, args.dest, args.rtd_head, args.labels)
    if loaded.labels:
        new = model.config.id2label or {}
        names = ", ".join(f"{old} is {new[i]}" for i, old in enumerate(loaded.labels))
        print(printable(f"labels (--labels renames them): {names}"))
    for note in notes:
        print(printable(f"note: {note}"))
    print(
        f"{args.dest}: {type(model).__name__}, {model.num_parameters():,} parameters, "
        f"{model.config.vocab_size:,} tokens"
    )
