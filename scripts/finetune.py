#!/usr/bin/env python3
"""Runs ``cline-fairseq finetune`` from a checkout."""

from cline_fairseq.cli.main import run

if __name__ == "__main__":
    run("finetune")
