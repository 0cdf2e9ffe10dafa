"""CLINE pre-training for fairseq; the folder to pass to fairseq as ``--user-dir``."""

from .registration import register_with_fairseq

__version__ = "0.2.0.dev0"

register_with_fairseq()
