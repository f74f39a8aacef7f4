"""Texts from the project's own grammar, many at a time."""

import re
from collections.abc import Callable
from typing import Protocol

import numpy as np

from iolaus.worlds import phrases
from iolaus.worlds.model import Ints

_SLOT = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
BENCH_SEED = 20_240  # the public benchmark is the same in every world
BENCH_ITEMS = 1_300


class Source(Protocol):
    """Where texts come from: the grammar, or real files."""

    def draw(self, kind: str, count: int, rng: np.random.Generator) -> list[str]:
        """`count` texts of a kind: chat, code, agentic, support, queue, persona..."""
        ...

    def bench(self) -> list[str]:
        """The items of the public benchmark, the same in every world."""
        ...


class Grammar:
    """Expands the rules of `phrases`; strings are built column by column, not one by one."""

    def draw(self, kind: str, count: int, rng: np.random.Generator) -> list[str]:
        return [text.strip() for text in self._expand(kind, count, rng)]

    def bench(self) -> list[str]:
        return self.draw("hard", BENCH_ITEMS, np.random.default_rng(BENCH_SEED))

    def _expand(self, symbol: str, count: int, rng: np.random.Generator) -> list[str]:
        if maker := _MAKERS.get(symbol):
            return maker(count, rng)
        rules = phrases.RULES[symbol]
        picked = rng.integers(0, len(rules), count)
        out = np.empty(count, dtype=object)
        for index in np.unique(picked):
            where = np.flatnonzero(picked == index)
            out[where] = self.fill(rules[index], where.size, rng)
        texts: list[str] = out.tolist()
        return texts

    def fill(self, pattern: str, count: int, rng: np.random.Generator) -> list[str]:
        """`count` texts of one pattern such as 'write {piece} about {topic}'."""
        slots = _SLOT.findall(pattern)
        if not slots:
            return [pattern.replace("{{", "{").replace("}}", "}")] * count
        form = _SLOT.sub("\0", pattern).replace("%", "%%").replace("\0", "%s")
        form = form.replace("{{", "{").replace("}}", "}")
        columns = [self._expand(slot, count, rng) for slot in slots]
        return [form % row for row in zip(*columns, strict=True)]


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
