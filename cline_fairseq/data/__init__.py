"""From a binarized corpus to batches: blocks of tokens, their views, and masking."""

import fairseq  # noqa: F401  imported first: it registers the parts of this package
