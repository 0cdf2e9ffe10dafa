"""CLINE for fairseq, the package for ``--user-dir``."""

from .registration import register_with_fairseq

__version__ = "0.2.0.dev0"

register_with_fairseq()
