"""Export a checkpoint to a plain RoBERTa, which fairseq loads without this package.

Writes model.pt, dict.txt and the files of the tokenizer, for --arch roberta_base (with the sizes of
the model) and for fairseq's hub interface:

    cline-fairseq export-roberta --checkpoint checkpoints/checkpoint_best.pt \\
        --dest my-roberta

    from fairseq.models.roberta import RobertaModel
    roberta = RobertaModel.from_pretrained("my-roberta", bpe="sentencepiece")

The RTD head is left out (cline-fairseq export-cline keeps it); the heads of classifiers come along.
"""

from collections.abc import Sequence

from .options import add_export_options, load_from_options, program_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = program_parser(__name__, __doc__)
    add_export_options(parser)
    args = parser.parse_args(argv)
    loaded = load_from_options(args)
    from ..convert.roberta import export_roberta  # takes seconds, --help does not

    export_roberta(loaded, args.dest)
    size = loaded.model.args
    print(
        f"{args.dest}: RoBERTa, {size.encoder_layers} layers, {size.encoder_embed_dim} wide; "
        f"--finetune-from-model {args.dest / 'model.pt'} --arch roberta_base"
    )
