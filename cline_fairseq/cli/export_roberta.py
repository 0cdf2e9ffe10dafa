"""Export a checkpoint to a plain RoBERTa, which fairseq loads without this package.

Writes model.pt, dict.txt and the tokenizer's files, for --arch roberta_base (with the model's own
sizes) and for fairseq's hub interface:

    cline-fairseq export-roberta --checkpoint checkpoints/checkpoint_best.pt \\
        --dest my-roberta

    from fairseq.models.roberta import RobertaModel
    roberta = RobertaModel.from_pretrained("my-roberta", bpe="sentencepiece")

The RTD head is left out (cline-fairseq export-cline keeps it); classification heads are kept.
"""

import argparse
from collections.abc import Sequence

from .options import add_export_options, load_from_options, program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_export_options(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    loaded = load_from_options(args)
    from ..convert.roberta import export_roberta  # imports torch, which takes seconds

    export_roberta(loaded, args.dest)
    size = loaded.model.args
    print(
        f"{args.dest}: RoBERTa, {size.encoder_layers} layers, {size.encoder_embed_dim} wide; "
        f"--finetune-from-model {args.dest / 'model.pt'} --arch roberta_base"
    )
