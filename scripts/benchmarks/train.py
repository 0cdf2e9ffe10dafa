"""Training: ours against fairseq's RoBERTa with masked_lm, on the same text.

A step is forward, backward and optimizer, which is torch's fused AdamW for all. Steps take turns,
and speeds are per token that an encoder reads, without padding. Each case compares

* stock: fairseq's RoBERTa and criterion, on batches as --task masked_lm makes them;
* encoder: our model in its place, with the same criterion and the same batches;
* encoder, all tokens: the same, with the last layer's output for all tokens, as in fairseq's
  RoBERTa, instead of for the masked ones alone;
* cline: a step of --task cline, on batches of three views of the same corpus.

Memory is the peak of all tensors that a step creates, not counting the model and the optimizer.
The share of the peak compares the matrix products of a step with the speed of a single large
product in the same format, or with --peak-tflops: given the number in a data sheet, it is the FLOPs
utilization. --precision bf16 keeps the parameters in bf16, as --memory-efficient-bf16 does. With
--precision fp32 bf16, stock and cline in bf16 take turns with all models in fp32; on a CPU cline in
bf16 also without its own kernels (models/cpu.py).

On a GPU, the program first checks that its losses and gradients are those of the CPU, and that the
kernel for sequences of several lengths computes what padded attention does.
"""

import argparse
import re

from benchmarks.options import add_data_options, require_data
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.tokenizer import TokenizerFiles

PRECISIONS = ("fp32", "bf16")


def add_parser(commands):
    parser = commands.add_parser("train", help="a training step, against fairseq's masked_lm")
    add_data_options(parser)
    parser.add_argument(
        "--sizes",
        type=_size,
        nargs="+",
        default=["2x128", "4x256", "12x768"],
        metavar="LAYERSxWIDTH",
        help="sizes of the model (default: 2x128 4x256 12x768, which is base)",
    )
    parser.add_argument(
        "--blocks",
        type=int,
        nargs="+",
        default=[128, 512],
        metavar="N",
        help="tokens per block (default: 128 512)",
    )
    parser.add_argument(
        "--break-modes",
        choices=("none", "eos"),
        nargs="+",
        default=["none", "eos"],
        help="none: full blocks; eos: one line per row, with padding (default: none eos)",
    )
    parser.add_argument(
        "--attention-dropout",
        type=float,
        nargs="+",
        default=[0.1, 0.0],
        metavar="P",
        help="attention dropout of all models, whose other dropout is 0.1 (default: 0.1 0.0)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="numbers of threads on a CPU (default: 1 2)",
    )
    parser.add_argument(
        "--device", default="cpu", help="torch device, e.g. cuda (default: %(default)s)"
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        nargs="+",
        default=["fp32"],
        help="floating-point formats; the first is that of the stock model to which all are "
        "compared (default: fp32)",
    )
    parser.add_argument(
        "--peak-tflops",
        type=float,
        metavar="X",
        help="peak speed of the device (default: as measured in a large product)",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=4096,
        metavar="N",
        help="maximum number of tokens in a batch (default: %(default)s)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=8,
        metavar="N",
        help="number of measured steps, of which the median counts (default: %(default)s)",
    )
    add_tokenizer_options(parser)
    parser.set_defaults(run=run)


def run(args) -> dict[str, float]:
    """Measure all cases."""
    subwords = TokenizerFiles.of(args).config()
    require_data(args)
    from benchmarks.training_steps import measure_all  # takes seconds, --help does not

    return measure_all(args, subwords)


def _size(text):
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise argparse.ArgumentTypeError(
            f"expected layers x width (for example 4x256), not {text!r}"
        )
    return text
