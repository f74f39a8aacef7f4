"""Independent pieces of work on several threads, for work that is mostly done without the GIL."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

Given = ParamSpec("Given")
Item = TypeVar("Item")
Done = TypeVar("Done")


def in_order(work: Callable[[Item], Done], items: Sequence[Item], threads: int) -> Iterator[Done]:
    """`work` of each item, in the order of the items. What has not begun when the caller stops (an
    error, an interrupt) never begins."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(work, items)
    finally:
        pool.shutdown(cancel_futures=True)


def side_by_side(
    one: Callable[[], Item], other: Callable[[], Done], threads: int
) -> tuple[Item, Done]:
    """What both give: at the same time if there are two threads, else one after the other."""
    if threads < 2:
        return one(), other()
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(other)
        return one(), later.result()


def one_blas_thread(work: Callable[Given, Done]) -> Callable[Given, Done]:
    """Let matrix products inside `work` use one thread each. Ours are many and small, several at a
    time: with threads of their own they took four times as long, waiting for each other."""

    @wraps(work)
    def limited(*args: Given.args, **kwargs: Given.kwargs) -> Done:
        with threadpool_limits(limits=1, user_api="blas"):
            return work(*args, **kwargs)

    return limited
