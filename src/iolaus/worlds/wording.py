"""The texts of exchanges: bodies by kind, framed by each account's voice."""

import numpy as np

from iolaus.worlds.model import COVER, Account, Ints, Rows
from iolaus.worlds.people import Stage
from iolaus.worlds.phrases import POPULAR_PROMPTS

POPULAR = 0.012  # share of ordinary chat that is one of the prompts that everybody sends
BLOCK = 256  # tasks of a work list that are made together
KEPT_BLOCKS = 32
_SYSTEM_SALT = 7_919  # a prime: which sitting uses which system prompt


class WorkList:
    """A list of tasks dealt out to `workers` accounts that stand next to each other: none twice.

    An account's n-th exchange sends task n x workers + its place.
    """

    def __init__(self, stage: Stage, workers: int) -> None:
        self._stage, self._workers, self._salt = stage, workers, stage.serial()
        self._blocks: dict[int, list[str]] = {}

    def __call__(self, rows: Rows, _: np.random.Generator) -> list[str]:
        items = rows.sequence * self._workers + rows.slot % self._workers
        return [self._text(int(item)) for item in items]

    def _text(self, item: int) -> str:
        block = item // BLOCK
        if block not in self._blocks:
            if len(self._blocks) >= KEPT_BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            draw = np.random.default_rng([self._stage.seed, self._salt, block])
            self._blocks[block] = self._stage.source.draw("queue", BLOCK, draw)
        return self._blocks[block][item % BLOCK]


def bodies(
    stage: Stage, kinds: list[str], rows: Rows, taste: Ints, rng: np.random.Generator
) -> list[str]:
    """A body for each row; `kinds[i]` says of what kind row i is, `taste[i]` whose subjects."""
    names, inverse = np.unique(np.asarray(kinds, dtype=object), return_inverse=True)
    out = np.empty(len(kinds), dtype=object)
    for number, name in enumerate(names):
        where = np.flatnonzero(inverse == number)
        special = stage.kinds.get(name)
        if special:
            out[where] = special(rows.take(where), rng)
        else:
            out[where] = stage.source.draw(name, where.size, rng, taste[where])
        if name == "chat":
            popular = where[rng.random(where.size) < POPULAR]
            out[popular] = rng.choice(np.array(POPULAR_PROMPTS, dtype=object), popular.size)
    texts: list[str] = out.tolist()
    return texts


def write(
    stage: Stage, accounts: list[Account], rows: Rows, rng: np.random.Generator
) -> tuple[list[str], list[str | None]]:
    """Prompts and system prompts of `rows`, in order."""
    draws = rng.random((2, rows.slot.size))
    voices = [accounts[slot].voice for slot in rows.slot]
    kinds = [v.kinds[int(u * len(v.kinds))] for v, u in zip(voices, draws[0], strict=True)]
    taste = np.fromiter((v.taste for v in voices), np.int64, len(voices))
    texts = bodies(stage, kinds, rows, taste, rng)
    prompts: list[str] = []
    for voice, body, u, item in zip(voices, texts, draws[1], rows.item, strict=True):
        framed = voice.frames[int(u * len(voice.frames))]
        prefix, suffix = framed if item > COVER else ("", "")  # others: the queue words them
        prompts.append(prefix + body + suffix)
    turn: Ints = rows.sitting * _SYSTEM_SALT + rows.slot
    systems = [v.systems[int(t) % len(v.systems)] for v, t in zip(voices, turn, strict=True)]
    return prompts, systems
