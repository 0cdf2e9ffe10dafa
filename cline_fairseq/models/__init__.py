"""The model ``cline``, a RoBERTa with a head for replaced-token detection."""

import fairseq  # noqa: F401  first of all: its import registers what this package holds
