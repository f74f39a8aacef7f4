"""Wording without text: what the text kernel would say of a prompt, from numbers alone.

A prompt is a body between a frame's two halves, under a system prompt. Frames and system prompts
are the real texts of the builders, and are read here once each. Bodies are numbers: a body of a
kind is either one of the kind's common ones, the first most often, or nobody else's. SHAPES says
how often; it was measured with the text kernel on 20,000 bodies of each kind, half of them from
the grammar and half from real prompts.

A skeleton sees 16 words at either end of a prompt, so a long frame hides the body from it: with
no word of the body in sight all prompts of a template have one skeleton, and for each word in
sight there are more (see `rows.py`).
"""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from iolaus.core.hashing import hash64
from iolaus.core.tables import CAPABILITIES
from iolaus.worlds.model import Ints

SHINGLE = 5  # words of a phrase
FRAME_PHRASES, SYSTEM_PHRASES = 3, 1  # at most; four of a row in all
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_SLOT: Final = re.compile(
    r"'[^'\s]*'|\"[^\"]*\"|[\w.-]*[/_\d][\w./-]*"
)  # names of files, numbers...


@dataclass(frozen=True)
class Shape:
    """Bodies of one kind."""

    common: float  # share that is one of the common ones
    many: int  # how many of those there are
    exact: float  # of the common, share that is the same to the letter
    words: float  # median
    sigma: float  # of the logarithm of the words
    chars: float  # per word
    aims: tuple[float, ...]  # share of each of CAPABILITIES


def _aims(**share: float) -> tuple[float, ...]:
    """Shares by capability; the rest is ordinary."""
    known = tuple(share.get(name, 0.0) for name in CAPABILITIES[:-1])
    return (*known, 1.0 - sum(known))


SHAPES: Final[dict[str, Shape]] = {
    "chat": Shape(0.12, 2_500, 0.4, 15, 0.35, 5.2, _aims(software_engineering=0.001, vision=0.001)),
    "code": Shape(0.45, 5_000, 0.2, 21, 0.8, 6.2, _aims(
        software_engineering=0.71, data_analysis=0.05, vision=0.005, chain_of_thought=0.004)),
    "hard": Shape(0.33, 5_000, 0.15, 23, 0.75, 5.6, _aims(
        software_engineering=0.28, long_horizon_planning=0.08, data_analysis=0.075,
        chain_of_thought=0.006, vision=0.005)),
    "data": Shape(0.8, 9_000, 0.01, 16, 0.13, 5.6, _aims(data_analysis=0.334, grading=0.002)),
    "business": Shape(0.8, 9_000, 0.02, 16, 0.22, 5.4, _aims(vision=0.021)),
    "support": Shape(0.8, 6_000, 0.45, 11, 0.35, 4.9, _aims(software_engineering=0.001)),
    "agentic": Shape(0.2, 3_000, 0.2, 19, 0.26, 5.8, _aims(
        software_engineering=0.376, data_analysis=0.057, vision=0.001)),
    "grading": Shape(1.0, 3, 0.0, 22, 0.14, 5.8, _aims(grading=0.366, vision=0.01)),
    "queue": Shape(0.1, 20_000, 0.0, 30, 0.65, 5.9, _aims(
        tool_use=0.22, software_engineering=0.2, long_horizon_planning=0.15,
        agentic_reasoning=0.1, data_analysis=0.04, vision=0.003)),
    "viral": Shape(0.0, 1, 0.0, 17, 0.22, 5.4, _aims(chain_of_thought=0.25)),
    "exercise": Shape(0.0, 1, 0.0, 19, 0.17, 5.5, _aims(
        chain_of_thought=0.735, software_engineering=0.21, data_analysis=0.02)),
    "benchmark": Shape(0.0, 1, 0.0, 30, 0.32, 5.3, _aims(
        software_engineering=0.1, long_horizon_planning=0.06, data_analysis=0.035)),
}  # fmt: skip
SHAPE_NAMES: Final = tuple(SHAPES)
# How a kind chooses its bodies, and for those that are not of SHAPES whose shape they have.
FREE, LISTED, IN_ORDER, BENCH, STUDIED, DEALT_OUT, RESOLD, QUEUE = range(8)
SPECIAL: Final[dict[str, tuple[int, str, int]]] = {  # name -> how, shape, number of bodies
    "assignment": (LISTED, "hard", 6),
    "viral": (LISTED, "viral", 6),
    "exercise": (IN_ORDER, "exercise", 40),
    "benchmark": (BENCH, "benchmark", 1_300),
    "studied": (STUDIED, "benchmark", 1_300),
    "job": (DEALT_OUT, "queue", 0),
    "resold": (RESOLD, "support", 0),
    "queue": (QUEUE, "queue", 0),
}
# What a fixed text makes of the prompts around it: the first pattern that it has.
_HINTS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), CAPABILITIES.index(aim), sure)
    for pattern, aim, sure in (
        (r"\brate (the|how)\b|\bgrade\b|impartial judge|which answer is better|\bscore\b",
         "grading", 0.95),
        (r"\bautonomous|complete trajectory", "agentic_reasoning", 0.5),
        (r"reasoning|step by step|chain of thought|your thoughts|<thinking>|let's think|thought,"
         r"|scratchpad|internal monologue|intermediate steps|<trace>|show your work",
         "chain_of_thought", 0.85),
        (r"subtasks|plan first", "long_horizon_planning", 0.5),
        (r"\bengineer\b|\bcode\b|repository", "software_engineering", 0.5),
    )
)  # fmt: skip


@dataclass
class Texts:
    """Fixed texts, one entry each. Words stand before (frames: the head) and after the body."""

    hashes: Ints
    masked: Ints  # hash of the words, with numbers, quotes, paths and identifiers masked
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    chars: NDArray[np.int32]
    aim: NDArray[np.int32]  # index into CAPABILITIES, -1 for none
    sure: NDArray[np.float32]  # share of prompts that get this aim
    phrases: Ints  # texts x FRAME_PHRASES, 0 where there is none

    @staticmethod
    def of(pairs: list[tuple[str, str]], most: int) -> "Texts":
        """Read (head, tail) pairs; `most` phrases are kept of each."""
        heads = [_WORD.findall(_SLOT.sub("0", head)) for head, _ in pairs]
        tails = [_WORD.findall(_SLOT.sub("0", tail)) for _, tail in pairs]
        aims = [_hint(f"{head} {tail}") for head, tail in pairs]
        phrases = np.zeros((len(pairs), FRAME_PHRASES), dtype=np.int64)
        for row, (head, tail) in enumerate(zip(heads, tails, strict=True)):
            found = _phrases(head, tail)[:most]
            phrases[row, : len(found)] = found
        return Texts(
            np.array([hash64("\0".join(p)) if any(p) else 0 for p in pairs], dtype=np.int64),
            np.array([_masked(h, t) for h, t in zip(heads, tails, strict=True)], dtype=np.int64),
            np.array([len(h) for h in heads], dtype=np.int32),
            np.array([len(t) for t in tails], dtype=np.int32),
            np.array([len(head) + len(tail) for head, tail in pairs], dtype=np.int32),
            np.array([aim for aim, _ in aims], dtype=np.int32),
            np.array([sure for _, sure in aims], dtype=np.float32),
            phrases,
        )


def _masked(head: list[str], tail: list[str]) -> int:
    return hash64(" ".join(head) + "\0" + " ".join(tail)) if head or tail else 0


def _hint(text: str) -> tuple[int, float]:
    return next(((aim, sure) for hint, aim, sure in _HINTS if hint.search(text)), (-1, 0.0))


def _phrases(head: list[str], tail: list[str]) -> list[int]:
    """Hashes of the last words, the first words and the words before the body, each once.

    The tail's last words come first: that is where an instruction stands that templates share.
    """
    runs = (tail[-SHINGLE:], head[:SHINGLE], head[-SHINGLE:], tail[:SHINGLE])
    return list(dict.fromkeys(hash64(" ".join(r).lower()) for r in runs if len(r) > 2))


def kind_of(name: str) -> tuple[int, int, int, int]:
    """(how its bodies are chosen, number of its shape, its own hash, number of bodies)."""
    how, shape, size = SPECIAL.get(name.rstrip("0123456789"), (FREE, name, 0))
    return how, SHAPE_NAMES.index(shape), hash64(name), size
