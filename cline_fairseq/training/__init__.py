"""Additions to fairseq's training loop: where a run starts, how it saves, and how it ends."""
