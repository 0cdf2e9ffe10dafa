"""The versions in setup.py, which the workflow's job with minimum versions installs."""

import ast

import pytest

from programs import ROOT


def install_requires():
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    (found,) = [node.value for node in keywords if node.arg == "install_requires"]
    return ast.literal_eval(found)


@pytest.mark.parametrize("requirement", install_requires())
def test_requirements_have_a_lower_bound(requirement):
    assert ">=" in requirement
