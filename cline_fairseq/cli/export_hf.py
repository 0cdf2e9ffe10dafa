"""Export a checkpoint to a folder that Hugging Face's transformers load.

An encoder, with its LM head (AutoModel, AutoModelForMaskedLM, fill-mask):

    cline-fairseq export-hf --checkpoint checkpoints/checkpoint_best.pt --dest my-cline

A classifier of cline-fairseq glue-finetune (AutoModelForSequenceClassification), with its labels:

    cline-fairseq export-hf --checkpoint runs/cline/SST-2/seed1/checkpoint_best.pt \\
        --dest my-cline-sst2

The folder holds the model, a fast tokenizer and a model card with the settings of training.
"""

from collections.abc import Sequence

from ..runtime.terminal import printable
from .options import add_export_options, load_from_options, program_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = program_parser(__name__, __doc__)
    add_export_options(parser)
    parser.add_argument(
        "--rtd-head", action="store_true", help="write the RTD head, too, to rtd_head.safetensors"
    )
    args = parser.parse_args(argv)
    loaded = load_from_options(args)
    from ..convert.export_hf import export_hf  # takes seconds, --help does not
    from ..convert.fast_tokenizer import missing_pieces

    model = export_hf(loaded, args.dest, args.rtd_head)
    if note := missing_pieces(loaded):
        print(printable(f"note: {note}"))
    print(
        f"{args.dest}: {type(model).__name__}, {model.num_parameters():,} parameters, "
        f"{model.config.vocab_size:,} tokens"
    )
