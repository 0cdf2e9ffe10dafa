"""No checkpoint fails after the work on another."""

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.in_turn import load_in_turn


def refuse(key, predictor):
    if predictor == "bad":
        raise InputError(f"{key} has other labels")


def test_all_are_checked_before_the_first_is_used():
    loads = {"one": lambda: "good", "two": lambda: "bad"}
    with pytest.raises(InputError, match="two has other labels"):
        next(load_in_turn(loads, refuse))


def test_each_is_yielded_in_order():
    loaded = []

    def load(name):
        loaded.append(name)
        return name.upper()

    loads = {name: lambda name=name: load(name) for name in ("one", "two")}
    assert list(load_in_turn(loads)) == [("one", "ONE"), ("two", "TWO")]
    assert loaded == ["one", "two"] * 2


def test_a_single_one_is_loaded_once():
    loaded = []
    assert list(load_in_turn({"one": lambda: loaded.append("one")})) == [("one", None)]
    assert loaded == ["one"]
