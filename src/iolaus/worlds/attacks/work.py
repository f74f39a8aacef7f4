"""What a campaign asks: templates around items of a common queue."""

from dataclasses import dataclass

import numpy as np

from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import Rows, Voice
from iolaus.worlds.people import Stage
from iolaus.worlds.phrases import POPULAR_SYSTEMS, RULES

BLOCK = 2_048  # items whose texts are made together, from a generator of their own
_KEPT_BLOCKS = 16


@dataclass(frozen=True)
class Voices:
    """The campaign's templates; an account is given some of them."""

    frames: tuple[tuple[str, str], ...]
    systems: tuple[str | None, ...]

    def draw(self, rng: np.random.Generator) -> Voice:
        some = rng.permutation(len(self.frames))[
            : max(1, int(rng.integers(1, len(self.frames) + 1)))
        ]
        system = self.systems[int(rng.integers(len(self.systems)))]
        return Voice(("queue",), (system,), tuple(self.frames[int(i)] for i in some))


def voices(stage: Stage, templates: int, injected: float, rng: np.random.Generator) -> Voices:
    """Draw the templates, and register the queue among the world's kinds of text."""
    grammar = Grammar()
    fixed = str(rng.choice(RULES["fixed"]))
    frames = []
    for _ in range(templates):
        head = grammar.fill(str(rng.choice(RULES["head"])), 1, rng)[0]
        tail = grammar.fill(str(rng.choice(RULES["tail"])), 1, rng)[0]
        frames.append((head, tail + (f" {fixed}" if rng.random() < injected else "")))
    own = stage.source.draw("persona", 1, rng)[0]
    pool: tuple[str | None, ...] = (None, None, None, POPULAR_SYSTEMS[0], own)
    stage.kinds["queue"] = Queue(stage)
    return Voices(tuple(frames), pool)


class Queue:
    """Item number -> text, the same whenever and by whomever it is asked for; -1 is cover."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._blocks: dict[int, list[str]] = {}

    def __call__(self, rows: Rows, rng: np.random.Generator) -> list[str]:
        cover = iter(self._cover(int((rows.item < 0).sum()), rng))
        return [self._text(int(item)) if item >= 0 else next(cover) for item in rows.item]

    def _cover(self, count: int, rng: np.random.Generator) -> list[str]:
        kinds = rng.choice(("chat", "code", "business"), count, p=(0.5, 0.3, 0.2))
        made = {
            k: iter(self._stage.source.draw(k, int((kinds == k).sum()), rng))
            for k in ("chat", "code", "business")
        }
        return [next(made[k]) for k in kinds]

    def _text(self, item: int) -> str:
        block = item // BLOCK
        if block not in self._blocks:
            if len(self._blocks) >= _KEPT_BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            draw = np.random.default_rng([self._stage.seed, 77, block])
            self._blocks[block] = self._stage.source.draw("queue", BLOCK, draw)
        return self._blocks[block][item % BLOCK]
