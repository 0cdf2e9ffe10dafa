#!/usr/bin/env python3
"""Export a checkpoint to a folder of its own, which ClineModel.from_pretrained takes.

    python scripts/export_cline.py --checkpoint checkpoints/checkpoint_best.pt --dest my-cline

    from cline_fairseq.models.cline import ClineModel
    cline = ClineModel.from_pretrained("my-cline").eval()

The folder holds model.pt, the dictionary and the tokenizer. The RTD head is kept, and so is the
head of a classifier. The optimizer's state, two thirds of a checkpoint, is left out.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse

from cline_fairseq.cli.options import add_export_options, load_from_options
from cline_fairseq.errors import show_input_errors_plainly


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_export_options(parser)
    args = parser.parse_args()
    from cline_fairseq.convert.cline import export_cline  # takes seconds, --help does not

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


if __name__ == "__main__":
    main()
