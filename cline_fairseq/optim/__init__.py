"""The optimizer ``fused_adamw``."""

import fairseq  # noqa: F401  first: importing it registers what this package contains
