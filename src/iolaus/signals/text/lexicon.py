"""lexicon.toml compiled into the table that the kernel looks words up in."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.errors import ConfigError
from iolaus.core.tables import CAPABILITIES

from .scan import scan_text
from .tokens import (
    FENCE,
    GRAM_1,
    GRAM_4,
    M_SIZE,
    SEEN,
    SYNTAX_HEAVY,
    TICKED,
    WORDS,
    Lexicon,
)

GRADES: Final = {
    "sure": 20,
    "strong": 10,
    "medium": 5,
    "weak": 2,
    "against": -5,
}  # tenths; 10 is enough alone
SPECIAL: Final = {"```": FENCE, "`code`": TICKED, "{};": SYNTAX_HEAVY}
LONGEST: Final = GRAM_4 - GRAM_1 + 1  # words per term


def empty_lexicon() -> Lexicon:
    """A lexicon without terms."""
    return Lexicon(np.zeros(2, np.uint64), np.full((2, 1 + len(CAPABILITIES)), -1, np.int64), 0)


def term_key(term: str) -> int:
    """Hash under which the kernel looks the term up; '#' stands for any number."""
    if term in SPECIAL:
        return int(SPECIAL[term])
    data = np.frombuffer(term.replace("#", "0").encode(), dtype=np.uint8)
    counters, memory = np.zeros(SEEN, np.int64), np.zeros(M_SIZE, np.uint64)
    nothing = empty_lexicon()
    scan_text(data, 0, len(data), 0, nothing.keys, nothing.terms, counters, memory)
    words = int(counters[WORDS])
    if not 1 <= words <= LONGEST:
        raise ConfigError(
            f"the term {term!r} has {words} words; 1 to {LONGEST} can be looked up",
            where="lexicon.toml",
            next_step="Use a shorter part of it (a CJK character counts as a word).",
        )
    return int(memory[GRAM_1 + words - 1])


def compile_lexicon(source: dict[str, Any]) -> Lexicon:
    """In: {capability: {grade: [term, ...]}}. A term may stand under several capabilities."""
    weights: dict[int, NDArray[np.int64]] = {}
    for capability, grades in source.items():
        column = CAPABILITIES.index(capability)
        for grade, terms in grades.items():
            for term in terms:
                row = weights.setdefault(term_key(term), np.zeros(len(CAPABILITIES), np.int64))
                if row[column]:
                    raise ConfigError(
                        f"{capability} has the term {term!r} twice, or two that read the same",
                        where="lexicon.toml",
                        next_step="Keep one.",
                    )
                row[column] = GRADES[grade]
    size = 1 << (2 * len(weights)).bit_length()  # at most half full: short probes
    keys = np.zeros(size, np.uint64)
    terms = np.full((size, 1 + len(CAPABILITIES)), -1, np.int64)
    for number, (key, row) in enumerate(weights.items()):
        place = key & (size - 1)
        while terms[place, 0] >= 0:
            place = (place + 1) & (size - 1)
        keys[place], terms[place, 0], terms[place, 1:] = key, number, row
    return Lexicon(keys, terms, len(weights))


@cache
def default_lexicon() -> Lexicon:
    """The package's own lexicon.toml, compiled once per process; never written to afterwards."""
    text = resources.files(__package__).joinpath("lexicon.toml").read_text("utf-8")
    return compile_lexicon(tomllib.loads(text))
