"""Print the options that this package adds to fairseq-train, with their defaults.

(fairseq-train --help stops before it comes to those of a task, a criterion or a model.)

    cline-fairseq show-options
"""

import argparse
from collections.abc import Sequence

from .options import program_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    program_parser(__name__, __doc__).parse_args(argv)
    # These take seconds, --help does not.
    from fairseq.dataclass.utils import gen_parser_from_dataclass

    from ..criterions.cline import ClineCriterionConfig
    from ..models.cline import ClineModel
    from ..optim.fused_adamw import FusedAdamWConfig
    from ..tasks.cline import ClineConfig

    parts = {
        "--task cline": ClineConfig,
        "--criterion cline": ClineCriterionConfig,
        "--optimizer fused_adamw": FusedAdamWConfig,
    }
    for title, config in parts.items():
        parser = argparse.ArgumentParser(
            usage=argparse.SUPPRESS,
            add_help=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        gen_parser_from_dataclass(parser, config())
        print(f"{title}\n{parser.format_help()}")
    parser = argparse.ArgumentParser(usage=argparse.SUPPRESS, add_help=False)
    ClineModel.add_args(parser)
    print(f"--arch cline_tiny, cline_small, cline_base, cline_large\n{parser.format_help()}")
