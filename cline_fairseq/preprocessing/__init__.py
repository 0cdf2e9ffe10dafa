"""Prepare a corpus: from raw text to fairseq's binarized files, without fairseq and torch."""
