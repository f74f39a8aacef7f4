"""Texts from the project's own grammar, many at a time."""

import re
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from iolaus.core.hashing import hash64, mix64
from iolaus.worlds import phrases
from iolaus.worlds.model import Ints

_SLOT = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
BENCH_SEED = 20_240  # the public benchmark is the same in every world
BENCH_ITEMS = 1_300
# What a person returns to, and how many favourites of each: of 51 topics, say, five.
SUBJECTS: Final = {
    "topic": 5, "things": 4, "do": 8, "person": 3, "person2": 4, "city": 3, "language": 2,
    "occasion": 2, "piece": 4, "lang": 2, "library": 4, "concept": 3, "component": 4, "format": 2,
    "platform": 2, "codedo": 5, "exception": 4, "goal": 4, "client": 4, "department": 2, "note": 4,
    "item": 3, "field": 3, "rolename": 2, "analyse": 2, "puzzle": 3,
}  # fmt: skip
LOYAL: Final = (0.4, 0.9)  # share of a person's texts that stay with the favourites
_SALTS: Final = {symbol: hash64(symbol) for symbol in SUBJECTS}
_WORDS_ONLY: Final = frozenset(s for s, rules in phrases.RULES.items() if "{" not in "".join(rules))


class Source(Protocol):
    """Where texts come from: the grammar, or real files."""

    def draw(
        self, kind: str, count: int, rng: np.random.Generator, taste: Ints | None = None
    ) -> list[str]:
        """`count` texts of a kind: chat, code, agentic, support, queue, persona...

        taste: whose favourite subjects each text is about; 0, or none given: everybody's.
        """
        ...

    def bench(self) -> list[str]:
        """The items of the public benchmark, the same in every world."""
        ...


class Grammar:
    """Expands the rules of `phrases`; strings are built column by column, not one by one."""

    def draw(
        self, kind: str, count: int, rng: np.random.Generator, taste: Ints | None = None
    ) -> list[str]:
        return [text.strip() for text in self._expand(kind, count, rng, taste)]

    def bench(self) -> list[str]:
        return self.draw("hard", BENCH_ITEMS, np.random.default_rng(BENCH_SEED))

    def _expand(
        self, symbol: str, count: int, rng: np.random.Generator, taste: Ints | None
    ) -> list[str]:
        if maker := _MAKERS.get(symbol):
            return maker(count, rng)
        rules = phrases.RULES[symbol]
        picked: Ints = rng.integers(0, len(rules), count)
        if taste is not None and symbol in SUBJECTS:
            picked = favoured(picked, len(rules), SUBJECTS[symbol], _SALTS[symbol], taste, rng)
        if symbol in _WORDS_ONLY:
            return [rules[i] for i in picked]
        out = np.empty(count, dtype=object)
        for index in np.flatnonzero(np.bincount(picked)):
            where = np.flatnonzero(picked == index)
            mine = None if taste is None else taste[where]
            out[where] = self.fill(rules[index], where.size, rng, mine)
        texts: list[str] = out.tolist()
        return texts

    def fill(
        self, pattern: str, count: int, rng: np.random.Generator, taste: Ints | None = None
    ) -> list[str]:
        """`count` texts of one pattern such as 'write {piece} about {topic}'."""
        slots = _SLOT.findall(pattern)
        if not slots:
            return [pattern.replace("{{", "{").replace("}}", "}")] * count
        form = _SLOT.sub("\0", pattern).replace("%", "%%").replace("\0", "%s")
        form = form.replace("{{", "{").replace("}}", "}")
        columns = [self._expand(slot, count, rng, taste) for slot in slots]
        return [form % row for row in zip(*columns, strict=True)]


def favoured(
    picked: Ints, size: int, favourites: int, salt: int, taste: Ints, rng: np.random.Generator
) -> Ints:
    """`picked`, numbers below `size`, moved to the favourites of `taste`, the first most often.

    Favourites and loyalty follow from taste and salt alone, so that a person keeps them.
    """
    least, most = LOYAL
    loyal = least + (most - least) / 1023 * (
        taste * 40_503 & 1023
    )  # 40,503: 2^16 over golden ratio
    draws = rng.random((2, taste.size))
    nth = (draws[0] ** 2 * favourites).astype(np.int64)
    own = (mix64(taste * 16 + nth, salt).view(np.uint64) >> np.uint64(33)).astype(np.int64)
    return np.where((taste > 0) & (draws[1] < loyal), own % size, picked)


def _pick(words: list[str], count: int, rng: np.random.Generator) -> list[str]:
    picked: Ints = rng.integers(0, len(words), count)
    return [words[i] for i in picked]


def _numbers(count: int, rng: np.random.Generator) -> list[str]:
    return list(map(str, np.ceil(np.exp(rng.uniform(0.7, 7.0, count))).astype(int)))


def _years(count: int, rng: np.random.Generator) -> list[str]:
    return list(map(str, rng.integers(1900, 2026, count)))


def _idents(count: int, rng: np.random.Generator) -> list[str]:
    heads, tails = (_pick(phrases.WORDS, count, rng) for _ in range(2))
    style = rng.integers(0, 4, count)
    return [
        f"{a}_{b}" if s == 0 else a + b.title() if s == 1 else a if s == 2 else f"{a}_{b}s"
        for a, b, s in zip(heads, tails, style, strict=True)
    ]


def _files(count: int, rng: np.random.Generator) -> list[str]:
    folders, endings = (_pick(w, count, rng) for w in (phrases.FOLDERS, phrases.ENDINGS))
    names = _idents(count, rng)
    return [f"{a}/{b}.{c}" for a, b, c in zip(folders, names, endings, strict=True)]


def _versions(count: int, rng: np.random.Generator) -> list[str]:
    major, minor = rng.integers(0, 19, count), rng.integers(0, 30, count)
    return [f"{a}.{b}" for a, b in zip(major, minor, strict=True)]


_MAKERS: dict[str, Callable[[int, np.random.Generator], list[str]]] = {
    "num": _numbers,
    "year": _years,
    "ident": _idents,
    "file": _files,
    "ver": _versions,
}
