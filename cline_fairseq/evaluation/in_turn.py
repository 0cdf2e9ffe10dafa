"""Several checkpoints in one program: all are checked before the work on any of them."""

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

    Only one is in memory at a time, so that several predictors are loaded twice.

    Args:
        loads: functions that load the predictors, keyed by any name.
        check: raises an error if a predictor cannot be used, given its key and the predictor.
    """
    for key, load in loads.items():
        predictor = load()
        check(key, predictor)
    for key, load in loads.items():
        yield key, predictor if len(loads) == 1 else load()
