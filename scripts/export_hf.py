#!/usr/bin/env python3
"""Export a checkpoint to a folder that Hugging Face's transformers load.

An encoder, with its LM head (AutoModel, AutoModelForMaskedLM, fill-mask):

    python scripts/export_hf.py --checkpoint checkpoints/checkpoint_best.pt --dest my-cline

A classifier of scripts/glue_finetune.py (AutoModelForSequenceClassification), with its labels:

    python scripts/export_hf.py --checkpoint runs/cline/SST-2/seed1/checkpoint_best.pt \\
        --dest my-cline-sst2

The folder holds the model, a fast tokenizer and a model card with the settings of training.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse

from cline_fairseq.cli.options import add_export_options, load_from_options
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.runtime.terminal import printable


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_export_options(parser)
    parser.add_argument(
        "--rtd-head", action="store_true", help="write the RTD head, too, to rtd_head.safetensors"
    )
    args = parser.parse_args()
    loaded = load_from_options(args)
    from cline_fairseq.convert.export_hf import export_hf  # takes seconds, --help does not
    from cline_fairseq.convert.fast_tokenizer import missing_pieces

    model = export_hf(loaded, args.dest, args.rtd_head)
    if note := missing_pieces(loaded):
        print(printable(f"note: {note}"))
    print(
        f"{args.dest}: {type(model).__name__}, {model.num_parameters():,} parameters, "
        f"{model.config.vocab_size:,} tokens"
    )


if __name__ == "__main__":
    main()
