"""Work on several threads: the order stays, and nothing goes on behind a caller who stopped."""

import threading

import pytest

from iolaus.core.threads import in_order


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
