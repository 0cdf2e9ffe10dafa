"""The parts of the program that builds a lexicon, for tests whose path includes scripts/."""

import importlib


def part(name):
    return importlib.import_module(f"lexicon.{name}")


def noun(text):
    return part("candidates").Lemma(text, "NOUN")
