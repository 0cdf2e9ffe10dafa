"""Convert models: to and from Hugging Face, and to plain RoBERTa checkpoints of fairseq.

Only the programs in ``cli`` and the hub interface import this package.
"""
