"""The criterion ``cline`` and its losses."""

import fairseq  # noqa: F401  first: importing it registers what this package contains
