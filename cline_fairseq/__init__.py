"""CLINE for fairseq, the package for ``--user-dir``."""

from .registration import register_with_fairseq

register_with_fairseq()
