"""From the binarized corpus to batches: blocks of tokens, their views, masking."""

import fairseq  # noqa: F401  first of all: its import registers what this package holds
