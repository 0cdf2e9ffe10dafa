"""fairseq-train that takes --fp16 on a CPU: the real code, on half-precision numbers of the CPU."""

import torch
from fairseq_cli.train import cli_main

from cline_fairseq.compat import precision

precision._check_precision = lambda common: None
torch.cuda.current_device = lambda: None  # where the flat fp32 weights are made: on the CPU
torch.Tensor.cuda = lambda tensor: tensor  # fairseq moves one number when gradients overflow

if __name__ == "__main__":
    cli_main()
