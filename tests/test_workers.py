from operator import neg

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.workers import ordered_map
from in_workers import die_at_five, start


@pytest.mark.parametrize("workers", [1, 3])
def test_order_and_laziness(workers):
    """Results come in order, and the input is read only as fast as they are taken."""
    taken = []

    def numbers():
        for i in range(200):
            taken.append(i)
            yield i

    results = ordered_map(neg, numbers(), workers, start)
    assert [next(results) for _ in range(10)] == [0, *range(-1, -10, -1)]
    assert len(taken) <= 10 + 4 * workers
    assert list(results) == [-i for i in range(10, 200)]


def test_errors_of_workers_are_errors_here():
    with pytest.raises(TypeError):
        list(ordered_map(neg, [1, "two", 3], 2, start))


def test_a_killed_worker_is_no_end_of_waiting():
    with pytest.raises(InputError, match="a worker process was killed"):
        list(ordered_map(die_at_five, range(50), 2, start))
