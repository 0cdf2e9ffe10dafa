"""The criterion ``cline``."""

import fairseq  # noqa: F401  first of all: its import registers what this package holds
