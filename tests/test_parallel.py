import multiprocessing
import time
from operator import neg

import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.parallel import ordered_map
from in_workers import die_at_five, start, wait_in_worker, write_late


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


def test_errors_in_the_input_let_workers_finish(tmp_path):
    """Killing them while they are sent an item makes the pool of Python 3.11.2 wait forever."""

    def items():
        yield from ((tmp_path / str(i), bytes(1 << 22)) for i in range(6))
        while not any(tmp_path.iterdir()):
            time.sleep(0.01)
        raise InputError("a line is too long")

    with pytest.raises(InputError, match="a line is too long"):
        list(ordered_map(write_late, items(), 2, start))
    assert {path.read_text() for path in tmp_path.iterdir()} == {"done"}


def test_an_interruption_ends_no_processes_but_its_own():
    other = multiprocessing.get_context("spawn").Process(target=wait_in_worker, args=(0,))

    def items():
        other.start()
        yield from range(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(ordered_map(wait_in_worker, items(), 2, start))
    assert other.is_alive()
    other.kill()
    other.join()
