"""What a row says, as the text kernel would put it: hashes, sizes, phrases, capability."""

from typing import Final

import numpy as np

from iolaus.core.compiled import kernel
from iolaus.core.tables import CAPABILITIES
from iolaus.worlds.metadata import wording
from iolaus.worlds.metadata.columns import (
    CAPABILITY,
    CAPABILITY_BITS,
    CHARS,
    PROMPT,
    SKELETON,
    SYSTEM,
    SYSTEM_HASH,
    SYSTEM_MASKED,
    WORDS,
)  # fmt: skip
from iolaus.worlds.metadata.draws import State, bits, mix, mixed, share_of, unit, whole
from iolaus.worlds.metadata.folk import INTS
from iolaus.worlds.metadata.tables import (
    AFTER,
    AIM,
    AIMS,
    BEFORE,
    COMMON,
    EXACT,
    HASH,
    HOW,
    MANY,
    MASKED,
    MILLE,
    OWN,
    PER_WORD,
    PHRASE,
    QUANTILES,
    QUEUE_HASH,
    RUBRIC,
    SHAPE,
    SIZE,
    SURE,
    Small,
)  # fmt: skip
from iolaus.worlds.metadata.tables import CHARS as TEXT_CHARS
from iolaus.worlds.model import COVER, Floats, Ints
from iolaus.worlds.wording import POPULAR

PHRASES = wording.FRAME_PHRASES + wording.SYSTEM_PHRASES
EDGE = 16  # words at either end of a prompt that its skeleton is made of
BITS_PER_WORD = 1  # of difference that one more word of the body in sight makes
BLIND = 26  # words in sight from which no two bodies that differ look alike
EVERYBODYS = 12  # prompts that everybody sends
LOYAL = 0.4  # of an account's common bodies, share that is of its own subjects
FAVOURITES = 60  # bodies that its own subjects are
PACE = 5  # exchanges that a learner spends on an exercise
TRACES = 3  # frames around the items of an operator whose prompts reconstruct traces
# Words before, words after, characters, aim and how sure: around a trace, around own wording.
TRACE: Final = (17, 8, 150, CAPABILITIES.index("chain_of_thought"), 800)
ASKED: Final = (6, 6, 70, CAPABILITIES.index("chain_of_thought"), 350)
GRADED: Final = (CAPABILITIES.index("grading"), 950)
BATCHES = 0.35  # share of a queue's items that ask for a batch of tasks, given examples
BATCH_WORDS = 11  # with which each of those begins
RESOLD_WORDS: Final = (12, 80)  # words and characters before the body of a resold product

_K, _KN, _F, _FN, _S, _SN = (
    INTS.index(f"{name}_{part}") for name in ("kind", "frame", "system")
    for part in ("first", "size")
)  # fmt: skip
_QUEUE = len(INTS)
_ORDINARY: Final = len(CAPABILITIES) - 1
_CHAT, _CODE, _BUSINESS, _HARD, _AGENTIC, _TASK = (
    wording.SHAPE_NAMES.index(n) for n in ("chat", "code", "business", "hard", "agentic", "queue")
)
_FREE, _LISTED, _IN_ORDER, _BENCH, _STUDIED, _DEALT_OUT, _RESOLD = (
    wording.FREE, wording.LISTED, wording.IN_ORDER, wording.BENCH, wording.STUDIED,
    wording.DEALT_OUT, wording.RESOLD,
)  # fmt: skip
_U = np.uint64


@kernel
def say(
    out: Ints, r: int, ends: Small, phrases: Ints, ints: Small, pool: Small, kinds: Ints,
    texts: Ints, shapes: Floats, words: Small, queues: Ints, sums: Ints, state: State, slot: int,
    item: int, about: np.uint64,
) -> None:  # fmt: skip
    """Draw kind, frame, body and system prompt of row r, and write what they come to."""
    kind = whole(pool[ints[slot, _K] + whole(unit(state) * ints[slot, _KN])])
    frame = whole(pool[ints[slot, _F] + whole(unit(state) * ints[slot, _FN])])
    own, masked = texts[frame, HASH], texts[frame, MASKED]
    before, after = texts[frame, BEFORE], texts[frame, AFTER]
    chars, aim, sure = texts[frame, TEXT_CHARS], texts[frame, AIM], texts[frame, SURE]
    queue = whole(ints[slot, _QUEUE]) - 1
    if queue < 0:
        exact, shown, shape = _honest(kinds, shapes, sums, state, slot, kind)
        if kinds[kind, HOW] == _RESOLD:
            own, before, after, chars = kinds[kind, OWN], RESOLD_WORDS[0], 0, RESOLD_WORDS[1]
            masked = own
    else:
        exact, shown, shape = _queued(shapes, state, slot, item, queues[queue, QUEUE_HASH])
        if item <= COVER:
            frame = -1
            own, before, after, chars, aim, sure = _worded(state, item, queues[queue, QUEUE_HASH])
            masked = own
        elif share_of(mix(_U(item))) * MILLE < queues[queue, RUBRIC]:
            aim, sure = GRADED
        if shape == _TASK and share_of(mix(_U(exact) ^ _U(17))) < BATCHES:
            before, after, masked = before + BATCH_WORDS, after + 1, masked + 1
    system = whole(pool[ints[slot, _S] + whole(mix(about ^ _U(11)) % _U(ints[slot, _SN]))])
    out[SYSTEM, r] = system
    if system >= 0:
        out[SYSTEM_HASH, r], out[SYSTEM_MASKED, r] = texts[system, HASH], texts[system, MASKED]
    out[PROMPT, r] = whole(mixed(_U(own), _U(exact)))
    seen = max(0, EDGE - before) + max(0, EDGE - after)
    if seen < BLIND:
        shown = whole(mix(_U(shown)) & _U((1 << (seen * BITS_PER_WORD)) - 1))
    out[SKELETON, r] = whole(mixed(_U(masked) ^ _U(5), _U(shown)))
    length = words[shape, whole(mix(_U(exact)) & _U(QUANTILES - 1))]
    out[WORDS, r] = before + after + length
    out[CHARS, r] = chars + whole(length * shapes[shape, PER_WORD])
    _aim(out, r, texts, shapes, state, exact, shape, aim, sure, system)
    _phrases(r, ends, phrases, texts, frame, system)


@kernel
def _worded(state: State, item: int, queue: int) -> tuple[int, int, int, int, int, int]:
    """What stands around an item that the queue words itself: nothing around cover, a request of
    its own around an odd code, one of the operator's frames for traces around an even one."""
    if item == COVER:
        return whole(0), 0, 0, 0, -1, 0
    if item % 2 != 0:
        return whole(bits(state)), ASKED[0], ASKED[1], ASKED[2], ASKED[3], ASKED[4]
    own = whole(mixed(_U(queue), bits(state) % _U(TRACES)))
    return own, TRACE[0], TRACE[1], TRACE[2], TRACE[3], TRACE[4]


@kernel
def _queued(shapes: Floats, state: State, slot: int, item: int, queue: int) -> tuple[int, int, int]:
    """Exact body, what a skeleton sees of it, and shape, of an exchange of a queue."""
    if item == COVER:
        pick = unit(state)
        shape = _CHAT if pick < 0.5 else _CODE if pick < 0.8 else _BUSINESS
        return _drawn(shapes, state, slot, shape, whole(shape))
    number = item if item > COVER else (COVER - 1 - item) // 2
    exact = whole(mixed(_U(queue), _U(number)))
    if item < COVER and item % 2 != 0:
        pick = exact & 3
        return exact, exact, _HARD if pick == 0 else _CODE if pick == 1 else _AGENTIC
    shown = exact
    if share_of(mix(_U(exact))) < shapes[_TASK, COMMON]:  # batches that begin and end alike
        shown = whole(mixed(_U(queue), _U(exact) % _U(shapes[_TASK, MANY])))
    return exact, shown, _TASK


@kernel
def _honest(
    kinds: Ints, shapes: Floats, sums: Ints, state: State, slot: int, kind: int
) -> tuple[int, int, int]:
    """Exact body, what a skeleton sees of it, and shape, of an honest exchange."""
    how, shape = kinds[kind, HOW], kinds[kind, SHAPE]
    own, size = kinds[kind, OWN], kinds[kind, SIZE]
    if how in (_FREE, _RESOLD):
        return _drawn(shapes, state, slot, shape, whole(shape))
    if how == _LISTED:
        number = whole(unit(state) * size)
    elif how == _IN_ORDER:
        number = (sums[slot] // PACE) % size
    elif how == _BENCH:
        number = (slot * 7 + sums[slot]) % size
    elif how == _STUDIED:
        number = (slot * 131 + whole(unit(state) * (size // 8))) % size
    else:  # dealt out over several accounts: none twice
        number = slot * 100_000_000 + sums[slot]
    shown = whole(mixed(_U(own), _U(number)))
    if how == _LISTED and number % 2 == 1:  # half of an assignment with a question of one's own
        return whole(bits(state)), shown, shape
    return shown, shown, shape


@kernel
def _drawn(shapes: Floats, state: State, slot: int, shape: int, own: int) -> tuple[int, int, int]:
    """A common body of the kind, the first most often, or one that nobody else ever sends."""
    if shape == _CHAT and unit(state) < POPULAR:
        known = whole(mixed(_U(own), bits(state) % _U(EVERYBODYS)))
        return known, known, shape
    new = whole(bits(state))
    if unit(state) >= shapes[shape, COMMON]:
        return new, new, shape
    rank, many = unit(state), whole(shapes[shape, MANY])
    number = whole(rank * rank * rank * many)
    if unit(state) < LOYAL:
        number = (whole(mix(_U(slot)) >> _U(11)) + whole(rank * FAVOURITES)) % many
    known = whole(mixed(_U(own), _U(1_000 + number)))
    return known if unit(state) < shapes[shape, EXACT] else new, known, shape


@kernel
def _aim(
    out: Ints, r: int, texts: Ints, shapes: Floats, state: State, exact: int, shape: int, aim: int,
    sure: int, system: int,
) -> None:  # fmt: skip
    """Capability: the frame's, else the system prompt's, else the body's; and all of them."""
    share, best = share_of(mix(_U(exact) ^ _U(13))), 0
    while best < _ORDINARY and shapes[shape, AIMS + best] <= share:
        best += 1
    found = 0 if best == _ORDINARY else 1 << best
    if system >= 0 and texts[system, AIM] >= 0 and unit(state) * MILLE < texts[system, SURE]:
        best = texts[system, AIM]
        found |= 1 << best
    if aim >= 0 and unit(state) * MILLE < sure:
        best = aim
        found |= 1 << best
    out[CAPABILITY, r], out[CAPABILITY_BITS, r] = best, found if found else 1 << _ORDINARY


@kernel
def _phrases(r: int, ends: Small, phrases: Ints, texts: Ints, frame: int, system: int) -> None:
    """The frame's phrases and the system prompt's."""
    size = ends[r]
    if frame >= 0:
        for p in range(PHRASE, BEFORE):
            if texts[frame, p] != 0:
                phrases[size] = texts[frame, p]
                size += 1
    if system >= 0 and texts[system, PHRASE] != 0:
        phrases[size] = texts[system, PHRASE]
        size += 1
    ends[r + 1] = size
