"""Training: ours against fairseq's RoBERTa with masked_lm, on the same text.

A step is forward, backward and optimizer, which is torch's fused AdamW for all. Steps take turns,
and speeds are per real token that an encoder reads. In each case there are

* stock: fairseq's RoBERTa and criterion, on batches as --task masked_lm makes them;
* encoder: our model in its place, with the same criterion and the same batches;
* encoder, all tokens: the same, with the last layer's output made for all tokens, as fairseq's
  RoBERTa makes it, and not for the masked ones alone;
* cline: a step of --task cline, on batches of three views of the same corpus.

Memory is that of all tensors that a step makes, at its peak, beside the model and the optimizer.
The share of the peak is that of the products of matrices in a step, against the speed of a single
large product, or against --peak-tflops: with a data sheet's number, the utilisation of FLOPs.
--precision bf16 keeps the parameters in bf16, as --memory-efficient-bf16 does.
"""

import argparse
import re
from pathlib import Path

from cline_fairseq.atomic_io import require_file
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.tokenizer import TokenizerFiles

PRECISIONS = ("fp32", "bf16")


def add_parser(commands):
    parser = commands.add_parser("train", help="a training step, against fairseq's masked_lm")
    parser.add_argument("--data", required=True, help="folder of fairseq-preprocess")
    parser.add_argument(
        "--sizes",
        type=_size,
        nargs="+",
        default=["2x128", "4x256", "12x768"],
        help="layers and width; 12x768 is base",
    )
    parser.add_argument("--blocks", type=int, nargs="+", default=[128, 512], help="tokens a block")
    parser.add_argument(
        "--break-modes",
        choices=("none", "eos"),
        nargs="+",
        default=["none", "eos"],
        help="none: full blocks; eos: a line a row, with padding",
    )
    parser.add_argument(
        "--attention-dropout",
        type=float,
        nargs="+",
        default=[0.1, 0.0],
        help="of all models; their other dropout is 0.1",
    )
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="on a CPU")
    parser.add_argument("--device", default="cpu", help="of torch, as cuda")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument(
        "--peak-tflops", type=float, help="of the device; measured in a large product without"
    )
    parser.add_argument("--max-tokens", type=int, default=4096, help="tokens a batch")
    parser.add_argument("--steps", type=int, default=8, help="measured steps; the median counts")
    parser.add_argument("--split", default="train", help="split of the corpus")
    add_tokenizer_options(parser)
    parser.set_defaults(run=run)


def run(args) -> dict[str, float]:
    """The figures of all cases."""
    subwords = TokenizerFiles.of(args).config()
    require_file(Path(args.data, "dict.txt"), "give the folder of fairseq-preprocess (--data)")
    from benchmarks.training_steps import measure_all  # takes seconds, --help does not

    return measure_all(args, subwords)


def _size(text):
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"expected layers x width, as 4x256, not {text!r}")
    return text
