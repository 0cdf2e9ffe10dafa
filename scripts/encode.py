#!/usr/bin/env python3
"""Runs ``cline-fairseq encode`` from a checkout."""

from cline_fairseq.cli.main import run

if __name__ == "__main__":
    run("encode")
