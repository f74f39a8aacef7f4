"""What a campaign asks: templates around items of a common queue, or prompts worded one by one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import COVER, Ints, Rows, Voice
from iolaus.worlds.people import Stage
from iolaus.worlds.phrases import POPULAR_SYSTEMS, RULES

if TYPE_CHECKING:
    from iolaus.worlds.attacks.attack import Attack

BLOCK = 2_048  # items whose texts are made together, from a generator of their own
SALT = 77  # of the first operator's items; the next one's is 78
AIMS: Final = ("hard", "agentic", "code")  # what prompts of own wording ask
ASKED = 0.8  # share of those that ask for long reasoned answers, each in other words
OWN_TASTE = 1_000_003  # subjects of an account's cover traffic: no honest person's number
USUAL_WORDS = 0.3  # of those, share in words that honest people use, too
_KEPT_BLOCKS = 16
Frames = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Voices:
    """The campaign's templates; an account is given some of them."""

    kind: str
    frames: Frames
    systems: tuple[str | None, ...]
    stage: Stage
    own: float  # share of accounts whose system prompt is their own, or none

    def draw(self, rng: np.random.Generator) -> Voice:
        some = rng.permutation(len(self.frames))[
            : max(1, int(rng.integers(1, len(self.frames) + 1)))
        ]
        system = self.systems[int(rng.integers(len(self.systems)))]
        if rng.random() < self.own:
            system = self.stage.source.draw("persona", 1, rng)[0] if rng.random() < 0.5 else None
        return Voice((self.kind,), (system,), tuple(self.frames[int(i)] for i in some))


def voices(
    stage: Stage, attack: "Attack", number: int, turn: float, rng: np.random.Generator
) -> Voices:
    """Draw operator `number`'s templates, and register its queue among the world's kinds of text.

    turn: second from which its prompts reconstruct reasoning traces; `queue` codes such rows.
    """
    grammar = Grammar()
    fixed = grammar.fill(f"{rng.choice(RULES['fixed'])} {{ownask}}", 1, rng)[0]
    frames = _frames("head", "tail", attack.templates, rng)
    frames = tuple(
        (head, RULES["tail"][0] if rng.random() < attack.articulate else tail)
        for head, tail in frames
    )
    frames = tuple(
        (head, tail + (f" {fixed}" if rng.random() < attack.injected else ""))
        for head, tail in frames
    )
    own = stage.source.draw("persona", 1, rng)[0]
    pool: tuple[str | None, ...] = (None, None, None, POPULAR_SYSTEMS[0], own)
    kind = "queue" if number == 0 else f"queue{number + 1}"
    traces = _frames("trace", "traceend", 3, rng)
    rubrics = [grammar.fill(str(r), 1, rng)[0] for r in rng.choice(RULES["rubric"], 2)]
    aims = rng.dirichlet(np.full(len(AIMS), 1.5))
    kinds = rng.choice(AIMS, BLOCK, p=aims)
    stage.kinds[kind] = Queue(stage, SALT + number, traces, rubrics, attack.rubric, kinds)
    return Voices(kind, frames, pool, stage, attack.paraphrase)


def _frames(heads: str, tails: str, count: int, rng: np.random.Generator) -> Frames:
    grammar = Grammar()
    return tuple(
        (
            grammar.fill(str(rng.choice(RULES[heads])), 1, rng)[0],
            grammar.fill(str(rng.choice(RULES[tails])), 1, rng)[0],
        )
        for _ in range(count)
    )


def coded(item: Ints, plain: NDArray[np.bool_], late: NDArray[np.bool_]) -> Ints:
    """Items as `Rows` carries them: below COVER where the queue words the whole prompt itself,
    odd ones for a prompt of its own wording, even ones for the reconstruction of a trace."""
    code = np.where(plain, COVER - 1 - 2 * item, COVER - 2 - 2 * item)
    return np.where(plain | late, code, item)


class Queue:
    """Item number -> text, the same whenever and by whomever it is asked for."""

    def __init__(
        self, stage: Stage, salt: int, traces: Frames, rubrics: list[str], rubric: float,
        kinds: NDArray[np.str_],
    ) -> None:  # fmt: skip
        self._stage, self._salt = stage, salt
        self._traces, self._rubrics, self._rubric, self._kinds = traces, rubrics, rubric, kinds
        self._blocks: dict[tuple[bool, int], list[str]] = {}

    def __call__(self, rows: Rows, rng: np.random.Generator) -> list[str]:
        cover = rows.item == COVER
        ordinary = iter(self._cover(rows.slot[cover], rng))
        plain = (rows.item < COVER) & (rows.item % 2 != 0)
        asks = iter(self._asks(int(plain.sum()), rng))
        trace = rng.integers(0, len(self._traces), rows.item.size)
        out = []
        for item, own, number in zip(rows.item.tolist(), plain.tolist(), trace, strict=True):
            if item == COVER:
                out.append(next(ordinary))
            elif item > COVER:
                out.append(self._text(item))
            elif own:
                before, after = next(asks)
                out.append(f"{before}{self._text((COVER - 1 - item) // 2, plain=True)}{after}")
            else:
                head, tail = self._traces[int(number)]
                out.append(head + self._text((COVER - 2 - item) // 2) + tail)
        return out

    def _asks(self, count: int, rng: np.random.Generator) -> Frames:
        """What stands before or after each prompt of its own wording."""
        own = self._stage.source.draw("ownask", count, rng)
        usual = self._stage.source.draw("longask", count, rng)
        made = np.where(rng.random(count) < USUAL_WORDS, usual, own).tolist()
        place = rng.random(count)
        return tuple(
            ("", "") if p > ASKED else (f"{ask} ", "") if p < 0.25 else ("", f"\n{ask}")
            for ask, p in zip(made, place, strict=True)
        )

    def _cover(self, slots: Ints, rng: np.random.Generator) -> list[str]:
        """Ordinary prompts, mostly about subjects that are the account's own."""
        kinds = rng.choice(("chat", "code", "business"), slots.size, p=(0.5, 0.3, 0.2))
        out = np.empty(slots.size, dtype=object)
        for kind in ("chat", "code", "business"):
            mine = np.flatnonzero(kinds == kind)
            out[mine] = self._stage.source.draw(kind, mine.size, rng, slots[mine] + OWN_TASTE)
        texts: list[str] = out.tolist()
        return texts

    def _text(self, item: int, *, plain: bool = False) -> str:
        block, key = item // BLOCK, (plain, item // BLOCK)
        if key not in self._blocks:
            if len(self._blocks) >= _KEPT_BLOCKS:
                self._blocks.pop(next(iter(self._blocks)))
            draw = np.random.default_rng([self._stage.seed, self._salt, block, int(plain)])
            self._blocks[key] = self._plain(draw) if plain else self._work(draw)
        return self._blocks[key][item % BLOCK]

    def _work(self, draw: np.random.Generator) -> list[str]:
        """A block of tasks, some of them answers to be graded by one of the rubrics."""
        texts = self._stage.source.draw("queue", BLOCK, draw)
        if self._rubric:
            graded = np.flatnonzero(draw.random(BLOCK) < self._rubric).tolist()
            answers = self._stage.source.draw("grading", len(graded), draw)
            for place, answer in zip(graded, answers, strict=True):
                rubric = self._rubrics[int(draw.integers(len(self._rubrics)))]
                texts[place] = f"{rubric}\n\n{answer}"
        return texts

    def _plain(self, draw: np.random.Generator) -> list[str]:
        """A block of tasks in the operator's mix of capabilities, as strangers would ask them."""
        out = np.empty(BLOCK, dtype=object)
        for kind in AIMS:
            mine = np.flatnonzero(self._kinds == kind)
            out[mine] = self._stage.source.draw(kind, mine.size, draw)
        texts: list[str] = out.tolist()
        return texts
