"""The model ``cline``, a RoBERTa with a head for replaced-token detection."""

import fairseq  # noqa: F401  first: importing it registers what this package contains
