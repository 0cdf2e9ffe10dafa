"""Print the options that CLINE adds to fairseq-train, with their defaults.

fairseq-train --help does not show the options of a task, a criterion or a model.

    cline-fairseq show-options
"""

import argparse
from collections.abc import Sequence

from .options import program_parser

_NONE = "None: the value of the checkpoint to start from, else the architecture's.\n"


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    return program_parser(__name__, __doc__).parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    _parse_args(argv)
    # These import torch, which takes seconds.
    from fairseq.dataclass.utils import gen_parser_from_dataclass

    from ..criterions.cline import ClineCriterionConfig
    from ..models.config import ClineModelConfig
    from ..optim.fused_adamw import FusedAdamWConfig
    from ..tasks.cline import ClineConfig

    parts = {
        "--task cline": ClineConfig,
        "--criterion cline": ClineCriterionConfig,
        "--optimizer fused_adamw": FusedAdamWConfig,
        f"--arch cline_tiny, cline_small, cline_base, cline_large\n\n{_NONE}": ClineModelConfig,
    }
    for title, config in parts.items():
        parser = argparse.ArgumentParser(
            usage=argparse.SUPPRESS,
            add_help=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        gen_parser_from_dataclass(parser, config())
        print(f"{title}\n{parser.format_help()}")
