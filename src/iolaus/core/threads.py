"""Independent pieces of work on several threads, for work that is mostly done without the GIL."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
