"""Rows of exchanges, drawn in one compiled loop; every number follows from the row's key.

A row is drawn in four steps: where it came from, what it says (said.py), which model it asked, and
how large it was. The order of draws is part of the format: a change of it changes every world.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iolaus.core.compiled import kernel
from iolaus.worlds.days import FAILURE_SHARES, FAILURES
from iolaus.worlds.metadata.columns import (
    ACCOUNT,
    ASN,
    CACHED,
    CHANNEL,
    CHARS,
    CHOICES,
    CLIENT,
    COLUMNS,
    CONVERSATION,
    DEGREES,
    HUNDREDTHS,
    INPUT,
    IP,
    KEY,
    LIMIT,
    ORGANIZATION,
    OUTPUT,
    PLACE,
    REASONING,
    RELEASE,
    STATUS,
    STREAM,
    SYSTEM,
    TIER,
    TOOLS,
    TS,
)  # fmt: skip
from iolaus.worlds.metadata.draws import State, begin, bits, mix, mixed, share_of, unit, whole
from iolaus.worlds.metadata.folk import INTS, REALS
from iolaus.worlds.metadata.moments import MOMENT, MOMENTS, RANK
from iolaus.worlds.metadata.said import PHRASES, say
from iolaus.worlds.metadata.tables import CHARS as TEXT_CHARS
from iolaus.worlds.metadata.tables import Small, Tables
from iolaus.worlds.model import DAY, NO_ITEM, Floats, Ints
from iolaus.worlds.setting import FAILING

KEY_TURNS = 50  # exchanges after which an account may use another of its keys
# Places in the accounts' records, and the queue's behind them.
(_A, _AN, _C, _CN, _KEY, _KEYS, _L, _LN, _K, _KN, _F, _FN, _S, _SN, _CHANNEL, _ORG, _TIER,
 _ROTATE, _TALK, _TOOLS, _CHOICES, _RHYTHM) = range(len(INTS))  # fmt: skip
_QUEUE = len(INTS)
(_SECOND, _ADOPTION, _ZONE, _CONTEXT, _OUTPUT, _SPREAD, _REASONING, _CACHED, _STREAM, _WARM,
 _SESSION, _GAP) = range(len(REALS))  # fmt: skip
_FAILURES: Final = np.array(FAILURES, dtype=np.int64)
_FAILURE_EDGES: Final = np.cumsum(FAILURE_SHARES)
_U = np.uint64
_LOW16: Final = np.uint64(0xFFFF)


class Room(NamedTuple):
    """Where a batch is written: COLUMNS x rows, and the rows' phrases end to end."""

    columns: Ints
    phrase_ends: Small  # rows + 1
    phrases: Ints

    @staticmethod
    def of(size: int) -> "Room":
        """Room for `size` rows."""
        return Room(
            np.zeros((COLUMNS, size), np.int64),
            np.zeros(size + 1, np.int32),
            np.zeros(size * PHRASES, np.int64),
        )


def fill(
    room: Room, keys: Ints, t: Tables, sums: Ints, queued: tuple[Small, NDArray[np.bool_]],
    next_: int, day: int, seed: int,
) -> int:  # fmt: skip
    """Draw the rows of `keys` of UTC day `day`.

    sums: exchanges of each account before, counted on. queued: items and failures of the day's
    rows of queues, in order, used from `next_` on; returns where the next batch goes on.
    """
    arguments: tuple[Any, ...] = (
        *room, keys, *t, sums, *queued, next_, day, _U(seed), np.zeros(1, np.uint64)
    )  # fmt: skip
    return int(_fill(*arguments))


@kernel
def _fill(
    out: Ints, ends: Small, phrases: Ints, keys: Ints, ints: Small, reals: NDArray[np.float32],
    addresses: Ints, pool: Small, kinds: Ints, texts: Ints, shapes: Floats, words: Small,
    normals: NDArray[np.float32], releases: Floats, queues: Ints, slots: Small, sums: Ints,
    items: Small, failures: NDArray[np.bool_], next_: int, day: int, seed: np.uint64, state: State,
) -> int:  # fmt: skip
    for r in range(len(keys)):
        slot = whole(slots[keys[r] >> RANK])
        micro, sitting = (keys[r] >> MOMENT) & (MOMENTS - 1), keys[r] & 15
        begin(state, seed, _U(day), _U(keys[r]))
        item, failed = whole(NO_ITEM), unit(state) < FAILING
        if ints[slot, _QUEUE] != 0:
            item, failed = whole(items[next_]), failures[next_]
            next_ += 1
        out[TS, r], out[ACCOUNT, r] = micro, slot
        about = mixed(_U(slot * 1_024 + day), _U(sitting))
        _where(out, r, ints, reals, addresses, pool, sums, state, slot, micro, day, about)
        say(out, r, ends, phrases, ints, pool, kinds, texts, shapes, words, queues, sums, state,
            slot, item, about)  # fmt: skip
        _model(out, r, ints, reals, releases, state, slot, day * DAY + micro / 1e6)
        system = out[SYSTEM, r]
        fixed = texts[system, TEXT_CHARS] / 4.0 if system >= 0 else 0.0  # 4 characters a token
        _size(out, r, ints, reals, pool, normals, state, slot, failed, fixed)
        sums[slot] += 1
    return next_


@kernel
def _where(
    out: Ints, r: int, ints: Small, reals: NDArray[np.float32], addresses: Ints, pool: Small,
    sums: Ints, state: State, slot: int, micro: int, day: int, about: np.uint64,
) -> None:  # fmt: skip
    """Address by day, sitting or request; client by sitting, key by turns."""
    local = micro / 3.6e9 + reals[slot, _ZONE]
    stable = about
    if ints[slot, _ROTATE] == 0:  # by day: one address in office hours, one outside
        stable = mixed(_U(slot * 1_024 + day), _U(33) if 9 <= local % 24 < 18 else _U(32))
    share = share_of(mix(stable))
    share = unit(state) if ints[slot, _ROTATE] == 2 else share * np.sqrt(share)
    size = whole(ints[slot, _AN])
    place = ints[slot, _A] + min(whole(share * size), size - 1)
    out[IP, r], out[ASN, r], out[PLACE, r] = (
        addresses[place, 0],
        addresses[place, 1],
        addresses[place, 2],
    )
    tool, size = share_of(mix(about ^ _U(7))), whole(ints[slot, _CN])
    out[CLIENT, r] = pool[ints[slot, _C] + min(whole(tool * tool * size), size - 1)]
    out[KEY, r] = -1
    if ints[slot, _KEYS] > 0:
        turn = mix(_U(slot * 1_000_003 + sums[slot] // KEY_TURNS)) % _U(ints[slot, _KEYS])
        out[KEY, r] = ints[slot, _KEY] + whole(turn)
    out[CONVERSATION, r] = whole(mix(about ^ _U(3))) if ints[slot, _TALK] else 0
    out[ORGANIZATION, r], out[CHANNEL, r] = ints[slot, _ORG], ints[slot, _CHANNEL]


@kernel
def _model(
    out: Ints, r: int, ints: Small, reals: NDArray[np.float32], releases: Floats, state: State,
    slot: int, at: float,
) -> None:  # fmt: skip
    """The account's tier, at the newest release that it has taken up by then."""
    tier, newest = whole(ints[slot, _TIER]), 0
    if unit(state) < reals[slot, _SECOND]:
        tier = whole(unit(state) * releases.shape[0])
    for release in range(1, releases.shape[1]):
        if at - reals[slot, _ADOPTION] >= releases[tier, release]:
            newest = release
    out[TIER, r], out[RELEASE, r] = tier, newest


@kernel
def _size(
    out: Ints, r: int, ints: Small, reals: NDArray[np.float32], pool: Small,
    normals: NDArray[np.float32], state: State, slot: int, failed: bool, fixed: float,
) -> None:  # fmt: skip
    """Tokens and sampling settings. A failed exchange has input and nothing else."""
    noise, spread = bits(state), reals[slot, _SPREAD]
    context = reals[slot, _CONTEXT] * np.exp(normals[noise & _LOW16] * spread)
    entry = whole(np.ceil(out[CHARS, r] / 4.0 + fixed + context)) + 4
    limit, size = whole(-1), whole(ints[slot, _LN])
    if size > 0:
        limit = whole(pool[ints[slot, _L] + whole(unit(state) * size)])
    thought = 0.0
    if unit(state) < reals[slot, _REASONING]:
        thought = np.ceil(600.0 * np.exp(normals[(noise >> _U(32)) & _LOW16] * 0.9))
    written = reals[slot, _OUTPUT] * np.exp(normals[(noise >> _U(16)) & _LOW16] * spread)
    most = np.float64(limit) if limit >= 0 else 8_192.0
    answer = whole(min(np.ceil(written) + thought, most)) * ints[slot, _CHOICES]
    read = np.sqrt(np.sqrt(unit(state)))  # of a cached prefix, most is read, as with Beta(6, 2)
    cached = whole((fixed + context) * reals[slot, _CACHED] * read)
    empty = failed or unit(state) < 0.001
    out[STATUS, r] = _failure(unit(state)) if failed else 200
    out[INPUT, r], out[LIMIT, r] = entry, limit
    out[TOOLS, r], out[CHOICES, r] = ints[slot, _TOOLS], ints[slot, _CHOICES]
    warm = reals[slot, _WARM]
    out[DEGREES, r] = -1 if np.isnan(warm) else whole(np.rint(warm * HUNDREDTHS))
    out[CACHED, r] = 0 if empty else min(cached, entry)
    out[OUTPUT, r] = 0 if empty else answer
    out[REASONING, r] = 0 if empty else min(whole(thought), answer)
    out[STREAM, r] = 1 if unit(state) < reals[slot, _STREAM] else 0


@kernel
def _failure(share: float) -> int:
    for n in range(len(_FAILURES)):
        if share < _FAILURE_EDGES[n]:
            return whole(_FAILURES[n])
    return whole(_FAILURES[0])
