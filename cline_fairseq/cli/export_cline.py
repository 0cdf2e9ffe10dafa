"""Export a checkpoint to a folder of its own, for ClineModel.from_pretrained.

    cline-fairseq export-cline --checkpoint checkpoints/checkpoint_best.pt --dest my-cline

    from cline_fairseq.models.cline import ClineModel
    cline = ClineModel.from_pretrained("my-cline").eval()

The folder holds model.pt, the dictionary and the tokenizer. The RTD head and classification heads
are kept. The optimizer's state, two thirds of a checkpoint, is left out.
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
    from ..convert.cline import export_cline  # imports torch, which takes seconds

    loaded = load_from_options(args)
    export_cline(loaded, args.dest)
    size, heads = loaded.model.args, []
    if loaded.has_rtd_head:
        heads.append("an RTD head")
    if loaded.is_classifier:
        heads.append("a classification head")
    print(
        f"{args.dest}: {size.encoder_layers} layers, {size.encoder_embed_dim} wide, "
        f"{len(loaded.dictionary):,} symbols, {' and '.join(heads) or 'no RTD head'}"
    )
