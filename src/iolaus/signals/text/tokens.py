"""What happens to one token: skeleton, shingles and lexicon, all running values, no list kept.

A masked token is the hash of a lower-cased word, or SLOT for whatever varies inside one template:
numbers, quoted text, code, addresses, identifiers and names. Consecutive slots are one.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.core.tables import CAPABILITIES

from .hashing import FACTOR, WORD_SEED, join, mix

SLOT: Final = np.uint64(0x510751075107)
NUMBER: Final = np.uint64(0x23)  # what the lexicon sees of a number; written '#' there
FENCE: Final = np.uint64(0x60)  # '```' in the lexicon
TICKED: Final = np.uint64(0x61)  # '`code`' in the lexicon
SYNTAX_HEAVY: Final = np.uint64(0x62)  # '{};' in the lexicon: brackets as dense as in source code
ZERO: Final = np.uint64(0)

# Tokens at either end that make the skeleton, so that a pasted middle changes nothing; for the
# ring a power of two.
EDGE_TOKENS = 16
SHINGLE = 5  # words per shingle
MIN_SHINGLE_WORDS = 3  # of its tokens that are no slot; 5 hold at most 3 slots, as slots collapse
EDGE_SHINGLES = 32  # at either end of the text, see sketch(); a power of two too
K_EDGE = 4  # smallest hashes kept of the shingles at either end
K_PROMPT, K_SYSTEM = 16, 8  # smallest hashes kept per text; 16 + 8 = 24, the table's limit

# The scratch of one kernel call is two flat arrays (a tuple of arrays would be reference-counted
# at every touch, which cost ten times the run time). Places in `c`, int64:
TOKENS, LAST_SLOT, WORDS, MASKED_TO, SENTENCE, SYNTAX_BYTES = range(6)
SIZES = 6  # 3: how many hashes stand in WHOLE, in EDGES at the head, in EDGES at the tail
BARREN = 9  # 7: per kind of quote, no closing mark before this byte
CONTENT_WORDS, CONTENT_WEIGHT = 16, 17  # what the content code counted; their weights
SCORES = 18  # one per capability, in tenths
SEEN = SCORES + len(CAPABILITIES)  # one per lexicon term: number of the last text that had it
# Places in `m`, uint64:
HEAD, GRAM_1, GRAM_2, GRAM_3, GRAM_4 = range(5)  # GRAM_k: the last k words
TAIL = 5  # ring of the last EDGE_TOKENS masked tokens
RECENT = TAIL + EDGE_TOKENS  # ring of the last EDGE_SHINGLES shingles, 0 where not counted
WHOLE = RECENT + EDGE_SHINGLES  # K_PROMPT smallest shingles, sorted
EDGES = WHOLE + K_PROMPT  # K_EDGE smallest near the head, then K_EDGE near the tail
CONTENT = EDGES + 2 * K_EDGE  # from here on: content.py
FIRST = CONTENT  # 2: the first word's signs
PLANES, RECALL = 16, 256  # bits per counter; words remembered (a power of two)
PLANES_AT = FIRST + 2  # 2 lanes of 64 directions per plane
SEEN_WORDS = PLANES_AT + 2 * PLANES
M_SIZE = SEEN_WORDS + RECALL

Counters = NDArray[np.int64]
Memory = NDArray[np.uint64]


class Lexicon(NamedTuple):
    """Open-addressing table; size a power of two, at most half full."""

    keys: NDArray[np.uint64]  # hash of the term, 0 where free
    terms: NDArray[np.int64]  # size x (1 + capabilities): term's number or -1, weights in tenths
    size: int  # terms


@kernel
def reset(lo: int, c: Counters, m: Memory) -> None:
    """Make the scratch ready for a text that begins at byte `lo`."""
    for i in range(SEEN):
        c[i] = lo if BARREN <= i < CONTENT_WORDS else 0
    c[SENTENCE] = 1
    c[MASKED_TO] = lo
    for i in range(TAIL):
        m[i] = ZERO
    for i in range(CONTENT, M_SIZE):
        m[i] = ZERO


@kernel
def keep_smallest(m: Memory, base: int, room: int, size: int, value: np.uint64) -> int:
    """Insert into the sorted distinct m[base:base + size], at most `room` of them; new size."""
    if size == room and value >= m[base + size - 1]:
        return size
    at = size
    while at > 0 and m[base + at - 1] >= value:
        at -= 1
    if at < size and m[base + at] == value:
        return size
    last = size if size < room else room - 1
    for j in range(base + last, base + at, -1):
        m[j] = m[j - 1]
    m[base + at] = value
    return last + 1


@kernel
def emit(token: np.uint64, c: Counters, m: Memory) -> None:
    """Take one masked token into the skeleton and the shingles."""
    if token == SLOT:
        if c[LAST_SLOT] == 1:
            return
        c[LAST_SLOT] = 1
    else:
        c[LAST_SLOT] = 0
    n = c[TOKENS]
    if n < EDGE_TOKENS:
        m[HEAD] = join(m[HEAD], token)
    m[TAIL + (n & (EDGE_TOKENS - 1))] = token
    c[TOKENS] = n + 1
    if n + 1 >= SHINGLE:
        _shingle(n + 1, SHINGLE, MIN_SHINGLE_WORDS, c, m)


@kernel
def _shingle(n: int, length: int, least_words: int, c: Counters, m: Memory) -> None:
    """Offer the shingle of the last `length` of n tokens to the sketches."""
    h, words = WORD_SEED, 0
    for i in range(n - length, n):
        token = m[TAIL + (i & (EDGE_TOKENS - 1))]
        words += 1 if token != SLOT else 0
        h = h * FACTOR + token
    h = mix(h)
    counts = words >= least_words
    m[RECENT + (n & (EDGE_SHINGLES - 1))] = h if counts else ZERO
    if not counts:
        return
    c[SIZES] = keep_smallest(m, WHOLE, K_PROMPT, c[SIZES], h)
    if n < SHINGLE + EDGE_SHINGLES:
        c[SIZES + 1] = keep_smallest(m, EDGES, K_EDGE, c[SIZES + 1], h)


@kernel
def sketch(c: Counters, m: Memory, out: NDArray[np.uint64]) -> int:
    """Write the text's sketch, unsorted; how many hashes.

    First the smallest of either end (instructions stand there, and a long passage between
    would crowd them out), then the smallest of the whole text until `out` is full.
    """
    n = c[TOKENS]
    if 0 < n < SHINGLE:
        _shingle(n, n, 1, c, m)
    for i in range(max(n - EDGE_SHINGLES + 1, min(n, SHINGLE)), n + 1):
        h = m[RECENT + (i & (EDGE_SHINGLES - 1))]
        if n > 0 and h != ZERO:
            c[SIZES + 2] = keep_smallest(m, EDGES + K_EDGE, K_EDGE, c[SIZES + 2], h)
    size, share = 0, len(out) // 4
    for end in range(2):
        for j in range(min(c[SIZES + 1 + end], share)):
            size = _add(out, size, m[EDGES + end * K_EDGE + j])
    for j in range(c[SIZES]):
        size = _add(out, size, m[WHOLE + j])
    return size


@kernel
def _add(out: NDArray[np.uint64], size: int, value: np.uint64) -> int:
    if size == len(out):
        return size
    for j in range(size):
        if out[j] == value:
            return size
    out[size] = value
    return size + 1


@kernel
def skeleton(c: Counters, m: Memory) -> np.uint64:
    """Hash of the first and the last EDGE_TOKENS masked tokens; all of them if there are fewer."""
    n = c[TOKENS]
    h = m[HEAD]
    for i in range(max(EDGE_TOKENS, n - EDGE_TOKENS), n):
        h = join(h, m[TAIL + (i & (EDGE_TOKENS - 1))])
    return mix(h ^ np.uint64(min(n, 2 * EDGE_TOKENS + 1)))


@kernel
def look_up(
    word: np.uint64,
    text: int,
    keys: NDArray[np.uint64],
    terms: NDArray[np.int64],
    c: Counters,
    m: Memory,
) -> None:
    """Score the terms of one to four words that end in `word`, each once per text."""
    m[GRAM_4] = join(m[GRAM_3], word)
    m[GRAM_3] = join(m[GRAM_2], word)
    m[GRAM_2] = join(m[GRAM_1], word)
    m[GRAM_1] = word
    mask = len(keys) - 1
    for k in range(GRAM_1, GRAM_4 + 1):
        key = m[k]
        place = np.int64(key & np.uint64(mask))
        while keys[place] != ZERO and keys[place] != key:
            place = (place + 1) & mask
        if keys[place] == ZERO:
            continue  # most words; `terms`, ten times as large, stays out of the cache
        term = terms[place, 0]
        if term >= 0 and c[SEEN + term] != text:
            c[SEEN + term] = text
            for j in range(SEEN - SCORES):
                c[SCORES + j] += terms[place, 1 + j]
