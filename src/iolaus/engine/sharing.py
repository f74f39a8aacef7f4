"""Independent pieces of work, shared out among an engine's hands."""

from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import TypeVar

from iolaus.core.threads import in_order
from iolaus.engine.engine import Engine

Item = TypeVar("Item")
Done = TypeVar("Done")


def shared_out(
    engine: Engine, work: Callable[[Engine, Item], Done], items: Sequence[Item], need: int
) -> Iterator[Done]:
    """`work` of each item, begun and given in their order. need: bytes that one holds meanwhile."""
    with engine.hands(need, len(items)) as hands:
        if len(hands) == 1:
            yield from (work(hands[0], item) for item in items)
            return
        free: SimpleQueue[Engine] = SimpleQueue()
        for hand in hands:
            free.put(hand)

        def one(item: Item) -> Done:
            hand = free.get()
            try:
                return work(hand, item)
            finally:
                free.put(hand)

        yield from in_order(one, items, len(hands))
