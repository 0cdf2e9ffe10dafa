"""Attacks on classifiers with TextAttack (Morris et al. 2020, arXiv 2005.05909)."""
