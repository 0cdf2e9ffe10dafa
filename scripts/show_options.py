#!/usr/bin/env python3
"""Print the options that this package adds to fairseq-train, with their defaults.

(fairseq-train --help stops before it comes to those of a task, a criterion or a model.)

    python scripts/show_options.py
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.interrupts import end_at_once

    end_at_once()

import argparse

from cline_fairseq.errors import show_input_errors_plainly

_NONE = "None: the value of the checkpoint to start from, else the architecture's.\n"


def main():
    show_input_errors_plainly()
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    # These take seconds, --help does not.
    from fairseq.dataclass.utils import gen_parser_from_dataclass

    from cline_fairseq.criterions.cline import ClineCriterionConfig
    from cline_fairseq.models.config import ClineModelConfig
    from cline_fairseq.optim.fused_adamw import FusedAdamWConfig
    from cline_fairseq.tasks.cline import ClineConfig

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


if __name__ == "__main__":
    main()
