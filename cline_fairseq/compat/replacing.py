"""How a bridge takes the place of a function of another library."""

import functools
from collections.abc import Callable
from typing import Any


def replaces(owner: Any, name: str) -> Callable[[Callable[..., Any]], Callable[[], None]]:
    """Turn a function into a bridge: calling it puts the function in the place of ``owner.name``.

    The function gets what it replaces as its first argument, before those of the caller.

    Args:
        owner: a module or a class.
        name: name of its function or method.
    """

    def bridge(function):
        @functools.wraps(function)
        def apply():
            original = getattr(owner, name)

            @functools.wraps(original)
            def replacement(*args, **kwargs):
                return function(original, *args, **kwargs)

            setattr(owner, name, replacement)

        return apply

    return bridge
