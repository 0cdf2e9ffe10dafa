"""The programs, one module each; ``cline-fairseq COMMAND`` runs them."""
