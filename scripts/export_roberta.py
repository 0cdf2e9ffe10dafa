#!/usr/bin/env python3
"""Export a checkpoint to a plain RoBERTa, which fairseq loads without this package.

Writes model.pt, dict.txt and the files of the tokenizer, for --arch roberta_base (with the sizes of
the model) and for fairseq's hub interface:

    python scripts/export_roberta.py --checkpoint checkpoints/checkpoint_best.pt \\
        --dest my-roberta

    from fairseq.models.roberta import RobertaModel
    roberta = RobertaModel.from_pretrained("my-roberta", bpe="sentencepiece")

The RTD head is left out (scripts/export_cline.py keeps it); the heads of classifiers come along.
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
    loaded = load_from_options(args)
    from cline_fairseq.convert.roberta import export_roberta  # takes seconds, --help does not

    export_roberta(loaded, args.dest)
    size = loaded.model.args
    print(
        f"{args.dest}: RoBERTa, {size.encoder_layers} layers, {size.encoder_embed_dim} wide; "
        f"--finetune-from-model {args.dest / 'model.pt'} --arch roberta_base"
    )


if __name__ == "__main__":
    main()
