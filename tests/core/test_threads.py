"""Work on several threads: the order stays, and nothing goes on behind a caller who stopped."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from iolaus.core.threads import in_order, one_blas_thread, side_by_side


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads):
    both = threading.Barrier(min(threads, 2))  # two at a time, where there are several threads

    def work(item):
        if item < 2:
            both.wait(timeout=30)
        return item * item

    assert list(in_order(work, range(50), threads)) == [n * n for n in range(50)]


def test_after_an_error_nothing_more_begins():
    begun, hold = [], threading.Event()

    def work(item):
        begun.append(item)
        if item == 0:
            raise ValueError(item)
        hold.wait(timeout=0.2)

    with pytest.raises(ValueError, match="0"):
        list(in_order(work, range(1000), 2))
    assert len(begun) < 100


@pytest.mark.parametrize("threads", [1, 2])
def test_two_pieces_of_work_meet_where_there_are_two_threads(threads):
    both = threading.Barrier(threads)

    def work(result):
        both.wait(timeout=30)
        return result

    assert side_by_side(lambda: work(1), lambda: work("two"), threads) == (1, "two")


@pytest.mark.parametrize("place", [0, 1])
def test_an_error_of_either_is_raised(place):
    def fail():
        raise ValueError(place)

    works = [lambda: 1, lambda: 2]
    works[place] = fail
    with pytest.raises(ValueError, match=str(place)):
        side_by_side(*works, 2)


def test_blas_has_one_thread_inside_and_its_own_after():
    def counts():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    np.ones((2, 2)) @ np.ones((2, 2))  # loaded
    before = counts()
    assert before
    assert one_blas_thread(counts)() == [1] * len(before)
    assert counts() == before
