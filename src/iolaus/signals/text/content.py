"""The content code: 128 signs of a random projection of a prompt's words.

SimHash (Charikar 2002, STOC, section 3): each word has 128 random signs, the bits of two hashes;
the code's bit d says whether the weighted majority of the words has sign d. Two prompts whose word
vectors stand at angle a agree in each bit with probability 1 - a / pi.

A word counts once (see count_content), a stop word half: stop words say little of the subject, yet
much of the manner. Pairs of words were tried: they made both harder to see (docs/content.md).

All 128 counters are added to at once: plane p holds bit p of every counter, so one addition is a
few ANDs and XORs on two 64-bit lanes, whatever the number of directions.
"""

from typing import Final

import numpy as np

from iolaus.core.compiled import kernel

from .hashing import mix
from .stops import STOPS
from .tokens import (
    CONTENT_WEIGHT,
    CONTENT_WORDS,
    FIRST,
    PLANES,
    PLANES_AT,
    RECALL,
    SEEN_WORDS,
    ZERO,
    Counters,
    Memory,
)

MIN_WORDS: Final = 3  # besides stop words; a code of fewer is null, it would be mostly chance
STOP_PLANE, WORD_PLANE = 0, 1  # weights 1 and 2: adding begins at that plane
MAX_WEIGHT = (1 << PLANES) - 3  # up to which a word is added, so that no counter overflows
SECOND = np.uint64(0x9E3779B97F4A7C15)  # makes the second lane's hash from the first's
ONE, EVERY = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
STOP_MASK, RECALL_MASK = np.uint64(len(STOPS) - 1), np.uint64(RECALL - 1)


@kernel
def is_stop(h: np.uint64) -> bool:
    """Whether a word hash stands in STOPS."""
    place = h & STOP_MASK
    while STOPS[np.int64(place)] != ZERO:
        if STOPS[np.int64(place)] == h:
            return True
        place = (place + ONE) & STOP_MASK
    return False


@kernel
def count_content(h: np.uint64, c: Counters, m: Memory) -> None:
    """Take the word with hash h into the code.

    A word counts once per text, so that one repeated a hundred times in a pasted passage does not
    outvote all others. SEEN_WORDS remembers RECALL words, the later one where two meet: in texts of
    many more words some count again, which is a slow growth with frequency.
    """
    place = SEEN_WORDS + np.int64(h & RECALL_MASK)
    if m[place] == h or c[CONTENT_WEIGHT] > MAX_WEIGHT:
        return
    m[place] = h
    low, high = h, mix(h ^ SECOND)
    if c[CONTENT_WEIGHT] == 0:
        m[FIRST], m[FIRST + 1] = low, high
    plane = STOP_PLANE if is_stop(h) else WORD_PLANE
    c[CONTENT_WORDS] += plane  # 1 for a word, 0 for a stop word
    c[CONTENT_WEIGHT] += 1 << plane
    at = PLANES_AT + 2 * plane
    while (low | high) != ZERO:
        a, b = m[at], m[at + 1]
        m[at], m[at + 1] = a ^ low, b ^ high
        low, high = low & a, high & b
        at += 2


@kernel
def majority(lane: int, c: Counters, m: Memory) -> np.uint64:
    """Bits of one lane (0 or 1) whose counter is above half the weight; the first word breaks ties.

    Compares all counters with half the weight at once, from the highest plane down.
    """
    half, even = np.uint64(c[CONTENT_WEIGHT] >> 1), c[CONTENT_WEIGHT] & 1 == 0
    above, equal = ZERO, EVERY
    for p in range(PLANES - 1, -1, -1):
        bits = m[PLANES_AT + 2 * p + lane]
        if (half >> np.uint64(p)) & ONE == ONE:
            equal &= bits
        else:
            above |= equal & bits
            equal &= ~bits
    return above | (equal & m[FIRST + lane]) if even else above
