"""Several checkpoints in one program, none of which may fail after the work on another."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from ..inference import Predictor  # imports torch, which takes seconds

Key = TypeVar("Key")


def load_in_turn(
    loads: "Mapping[Key, Callable[[], Predictor]]",
    check: "Callable[[Key, Predictor], None]" = lambda key, predictor: None,
) -> "Iterator[tuple[Key, Predictor]]":
    """Yield predictors one by one, after all of them have been loaded and checked.

    Only one is in memory at a time: several are loaded twice.

    Args:
        loads: a function for each predictor that loads it.
        check: raises an error if a predictor cannot be used.
    """
    for key, load in loads.items():
        predictor = load()
        check(key, predictor)
    for key, load in loads.items():
        yield key, predictor if len(loads) == 1 else load()
