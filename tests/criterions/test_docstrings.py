"""The examples in the docstrings of the losses."""

import doctest
import importlib

import pytest

MODULES = {"contrast": 2, "cross_entropy": 1, "losses": 2, "weighting": 2}


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"cline_fairseq.criterions.{name}")
    examples = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert len(examples) == MODULES[name]
    failed, attempted = doctest.testmod(module)
    assert attempted >= len(examples)
    assert not failed
