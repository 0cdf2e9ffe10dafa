"""The task ``cline``."""

import fairseq  # noqa: F401  imported first: it registers the parts of this package
