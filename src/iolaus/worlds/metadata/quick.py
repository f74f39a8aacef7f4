"""The honest builders, three times as fast: a quicker generator, and texts dealt from blocks.

A builder draws for one account at a time. That is what makes it readable, and what makes a
million accounts slow: `Generator.choice` checks its arguments for longer than it draws, and the
grammar fills one pattern at a time. Neither changes what is drawn, only the stream of draws.
"""

import zlib
from bisect import bisect_right
from itertools import accumulate
from typing import Any

import numpy as np

from iolaus.worlds.grammar import Source
from iolaus.worlds.model import Ints

DEALT = 2_048  # texts of a kind that are made together


class Quick(np.random.Generator):
    """numpy's generator with a `choice` that trusts its arguments where one thing is picked."""

    def choice(
        self, a: Any, size: Any = None, replace: bool = True, p: Any = None, *args: Any, **more: Any
    ) -> Any:
        """As `numpy.random.Generator.choice`; one draw, or a weighted few, without its checks."""
        if size is None:
            things = range(a) if isinstance(a, int | np.integer) else a
            if p is None:
                return things[int(self.integers(len(things)))]
            if isinstance(p, np.ndarray):
                p = p.tolist()
            edges = list(accumulate(p))
            return things[min(bisect_right(edges, self.random() * edges[-1]), len(edges) - 1)]
        if p is not None and not replace and isinstance(a, int | np.integer):
            # The smallest of exponentials with rates p come in the order of draws one by one.
            return np.argsort(self.standard_exponential(len(p)) / p)[:size]
        return super().choice(a, size, replace, p, *args, **more)


class Dealt:
    """A source whose texts are made DEALT at a time, and dealt out in order."""

    def __init__(self, source: Source, seed: list[int]) -> None:
        self._source, self._rng = source, np.random.default_rng(seed)
        self._left: dict[str, list[str]] = {}

    def draw(
        self, kind: str, count: int, rng: np.random.Generator, taste: Ints | None = None
    ) -> list[str]:
        """`count` texts of the kind; `rng` is left alone, the stream is this source's own."""
        left = self._left.setdefault(kind, [])
        while len(left) < count:
            left += self._source.draw(kind, DEALT, self._rng, taste)
        taken = left[-count:] if count else []
        del left[len(left) - count :]
        return taken

    def bench(self) -> list[str]:
        """The public benchmark's items."""
        return self._source.bench()


def quick(seed: int, name: str) -> Quick:
    """The generator of that name in the world of that seed."""
    words = [seed, zlib.crc32(name.encode())]
    return Quick(np.random.PCG64(np.random.SeedSequence(words)))
